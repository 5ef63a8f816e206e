-- What the schema is, as text that PostgreSQL 15 to 18 write the same way; sorted by line.
SELECT format('table %I.%I column %I %s%s%s', n.nspname, c.relname, a.attname,
    format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN ' not null' ELSE '' END,
    coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')) AS line
FROM pg_attribute AS a
INNER JOIN pg_class AS c ON c.oid = a.attrelid AND c.relkind = 'r'
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE n.nspname IN ('ledger', 'pricing', 'products', 'api') AND a.attnum > 0 AND NOT a.attisdropped
UNION ALL
SELECT format('constraint %s %s %s', k.conrelid::regclass, k.conname, pg_get_constraintdef(k.oid))
FROM pg_constraint AS k
INNER JOIN pg_namespace AS n ON n.oid = k.connamespace
WHERE n.nspname IN ('ledger', 'pricing', 'products', 'api') AND k.contype IN ('c', 'p', 'u', 'f')
UNION ALL
SELECT 'index ' || i.indexdef FROM pg_indexes AS i
WHERE i.schemaname IN ('ledger', 'pricing', 'products', 'api')
UNION ALL
SELECT 'trigger ' || pg_get_triggerdef(t.oid) FROM pg_trigger AS t
INNER JOIN pg_class AS c ON c.oid = t.tgrelid
INNER JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND n.nspname IN ('ledger', 'pricing', 'products', 'api')
UNION ALL
SELECT format('function %s %s', p.oid::regprocedure, md5(p.prosrc)) FROM pg_proc AS p
INNER JOIN pg_namespace AS n ON n.oid = p.pronamespace
WHERE n.nspname IN ('ledger', 'pricing', 'products', 'api')
UNION ALL
SELECT format('grant %s on %s.%s to %s', g.privilege_type, g.table_schema, g.table_name, g.grantee)
FROM information_schema.role_table_grants AS g
WHERE g.table_schema IN ('ledger', 'pricing', 'products', 'api') AND g.grantee LIKE 'cff%'
    AND g.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')
UNION ALL
SELECT format('row %s %s %s', 'journal_kind', kind, code) FROM ledger.journal_kind
UNION ALL
SELECT format('row %s %s %s', 'event_kind', kind, code) FROM ledger.event_kind
