-- Once, as a superuser: psql -v owner_password=… -v app_password=… -f roles.sql
CREATE ROLE promote_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE promote_app LOGIN PASSWORD :'app_password';
CREATE DATABASE promote OWNER promote_owner ENCODING 'UTF8' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C' TEMPLATE template0;
REVOKE ALL ON DATABASE promote FROM PUBLIC;
GRANT CONNECT, TEMPORARY ON DATABASE promote TO promote_app;
