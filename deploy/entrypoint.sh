#!/bin/sh
# `testkase` in the container image. NAME_FILE=/run/secrets/name stands for NAME: a secret need not be in the environment.
set -eu

for name in DATABASE_URL TESTKASE_APP_DATABASE_URL TESTKASE_SECRET_KEY TESTKASE_EMAIL_URL \
    RAZORPAY_KEY_ID RAZORPAY_KEY_SECRET RAZORPAY_WEBHOOK_SECRET RAZORPAY_WEBHOOK_SECRET_PREVIOUS; do
    eval "file=\${${name}_FILE:-}"
    if [ -n "$file" ]; then
        if [ ! -r "$file" ]; then
            echo "testkase: ${name}_FILE names $file, which cannot be read." >&2
            exit 1
        fi
        export "$name=$(cat "$file")"
    fi
done

exec /opt/testkase/bin/python -m testkase "$@"
