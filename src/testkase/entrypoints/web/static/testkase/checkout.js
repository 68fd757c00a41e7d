// Opens the payment provider's checkout over our page. The form beside it says everything, so that without this script,
// or where the provider's own cannot be loaded, the same form opens the provider's page instead.
(() => {
  const STATUS = "[data-checkout-status]";

  // "prefill[email]" → options.prefill.email
  function options(form) {
    const found = {};
    for (const [name, value] of new FormData(form)) {
      const nested = /^(\w+)\[(\w+)\]$/.exec(name);
      if (nested) (found[nested[1]] ??= {})[nested[2]] = value;
      else found[name] = value;
    }
    const { key_id: key, callback_url: _callback, cancel_url: _cancel, ...rest } = found;
    return { key, ...rest, theme: { color: form.dataset.color } };
  }

  function say(text) {
    const place = document.querySelector(STATUS);
    if (place) place.textContent = text;
  }

  const look = () => window.htmx?.trigger("#watch", "look");

  // While what the checkout brought back is on its way, its answer is the one that counts: another, asked for meanwhile,
  // would replace the part of the page this one is meant for, or find that part replaced.
  let paying = false;
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (paying && event.detail.elt.id === "watch") event.preventDefault();
  });

  // A page on which somebody pays is not taken away under them, as it otherwise is when they have gone to another
  // organization in another tab: what they pay for is this one's, and the bank may have asked them already.
  let busy = false, gone = false;  // gone: where what was paid for is told, and told once
  const stay = (event) => { if (busy) event.preventDefault(); };
  document.addEventListener("live:leaving", stay);
  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const { xhr, requestConfig } = event.detail, ours = requestConfig?.elt?.matches("[data-checkout]");
    if (!["HX-Refresh", "HX-Redirect"].some((name) => xhr.getResponseHeader(name))) return;
    if (ours) gone = true; else stay(event);
  });

  function paid(form, response) {
    const watch = document.getElementById("watch");
    form.querySelector("button").disabled = true;
    say("Paid. The credits are being added…");
    htmx.trigger(watch, "htmx:abort");
    paying = true;
    const sent = htmx.ajax("POST", form.dataset.returnsTo, { source: form, target: watch, swap: "outerHTML", values: response });
    sent.catch(() => say("Paid. The server cannot be reached just now; the credits come by themselves.")).finally(() => {
      paying = busy = false;
      if (watch.isConnected && !gone) look();
    });
  }

  function open(form) {
    let failed = false;
    const checkout = new window.Razorpay({
      ...options(form),
      retry: { enabled: true },
      modal: {
        confirm_close: true,
        ondismiss() {
          busy = false;
          say(failed ? "The payment failed. Try again, or choose another way to pay; if the bank has taken money, it goes back by itself." : "Closed. If you confirmed a payment, its credits come by themselves; if not, nothing was charged.");
          look();
        },
      },
      handler: (response) => paid(form, response),
    });
    checkout.on("payment.failed", () => { failed = true; });
    checkout.open();
    busy = true;
  }

  document.addEventListener("submit", (event) => {
    const form = event.target.closest("[data-checkout]");
    if (!form || !window.Razorpay) return;
    event.preventDefault();
    try { open(form); } catch { form.submit(); }
  });

  // Straight from the choice of a bundle: the checkout opens at once, and not again when the page is reloaded.
  if (location.hash === "#pay") {
    history.replaceState(history.state, "", location.pathname + location.search);
    const form = document.querySelector("[data-checkout]");
    if (form && window.Razorpay) form.requestSubmit();
  }
})();
