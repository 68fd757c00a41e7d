-- rights: what a person is in the organization and in the project at this moment.
SELECT m.role, p.role AS project_role, coalesce(p.may_generate, false) AS may_generate
FROM membership AS m
JOIN app_user AS u ON u.id = m.user_id AND u.is_active
JOIN project AS j ON j.org_id = m.org_id AND j.project_id = %(project_id)s
LEFT JOIN project_member AS p ON p.org_id = m.org_id AND p.project_id = j.project_id AND p.user_id = m.user_id
WHERE m.org_id = %(org_id)s AND m.user_id = %(user_id)s
