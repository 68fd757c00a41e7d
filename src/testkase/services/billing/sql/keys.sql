-- maker: Who made a key that works, and what they are in its organization now.
SELECT k.created_by AS user_id, m.role
FROM api_key AS k
LEFT JOIN membership AS m ON m.org_id = k.org_id AND m.user_id = k.created_by
WHERE k.org_id = %(org_id)s AND k.key_id = %(key_id)s AND k.revoked_at IS NULL;

-- people_locked: Nobody else changes who belongs to the organization, as what, or with which keys.
SELECT id FROM organization WHERE id = %(org_id)s FOR NO KEY UPDATE;

-- working: The keys that work, with what their makers are now.
SELECT k.key_id, k.name, k.prefix, k.scopes, m.role
FROM api_key AS k
JOIN membership AS m ON m.org_id = k.org_id AND m.user_id = k.created_by
WHERE k.org_id = %(org_id)s AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
ORDER BY k.key_id;

-- narrow: A key does less from now on.
UPDATE api_key SET scopes = %(scopes)s WHERE org_id = %(org_id)s AND key_id = %(key_id)s;

-- revoke: A key that may do nothing any more.
UPDATE api_key SET revoked_at = now() WHERE org_id = %(org_id)s AND key_id = %(key_id)s;
