/** A database as the first migration alone left it. */
export const firstVersion = `
  CREATE TABLE sites (id TEXT PRIMARY KEY, created_on TEXT NOT NULL);
  CREATE TABLE users (site_id TEXT NOT NULL REFERENCES sites (id), id TEXT NOT NULL, email TEXT NOT NULL,
    status TEXT NOT NULL, created_on TEXT NOT NULL, last_login TEXT NOT NULL, updated_on TEXT NOT NULL,
    document TEXT NOT NULL, PRIMARY KEY (site_id, id));
  CREATE UNIQUE INDEX users_by_email ON users (site_id, email) WHERE email <> '';
  CREATE INDEX users_by_creation ON users (site_id, created_on, id);
  CREATE TABLE access_groups (site_id TEXT NOT NULL REFERENCES sites (id), slug TEXT NOT NULL, id TEXT NOT NULL,
    name TEXT NOT NULL, short_id TEXT NOT NULL, created_on TEXT NOT NULL, PRIMARY KEY (site_id, slug));
  CREATE TABLE user_events (sequence INTEGER PRIMARY KEY AUTOINCREMENT, site_id TEXT NOT NULL, user_id TEXT NOT NULL,
    at TEXT NOT NULL, actor TEXT NOT NULL, before_user TEXT NOT NULL, after_user TEXT NOT NULL);
  CREATE INDEX user_events_by_user ON user_events (site_id, user_id, sequence);
  CREATE TABLE access_tokens (id TEXT PRIMARY KEY, site_id TEXT NOT NULL, scopes TEXT NOT NULL, hash TEXT NOT NULL,
    created_on TEXT NOT NULL);
  CREATE TABLE webflow_users_migrations (migration_id integer PRIMARY KEY NOT NULL,
    created_at datetime NOT NULL DEFAULT current_timestamp, name VARCHAR(255) NOT NULL);
  INSERT INTO webflow_users_migrations (migration_id, name) VALUES (1, 'create_tables')`
