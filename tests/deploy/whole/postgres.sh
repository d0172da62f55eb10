# Makes a database server at the first start, as the image does that this one stands for, and serves it: roles and databases
# are made by what lies in the folder for that, while the server answers at its socket alone.
set -eu
PGDATA=/var/lib/postgresql/data
export PGDATA
as_postgres() { runuser --user postgres -- "$@"; }
if [ ! -e "$PGDATA/PG_VERSION" ]; then
    install --directory --owner postgres --group postgres --mode 0700 "$PGDATA"
    install --owner postgres --mode 0600 "$POSTGRES_PASSWORD_FILE" /tmp/password
    # shellcheck disable=SC2086 - several words
    as_postgres initdb --pwfile=/tmp/password --auth-local=trust --auth-host=scram-sha-256 $POSTGRES_INITDB_ARGS
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    as_postgres pg_ctl start --wait --options "-c listen_addresses=''"
    for script in /docker-entrypoint-initdb.d/*.sh; do
        as_postgres sh -euc ". $script"
    done
    as_postgres pg_ctl stop --wait --mode fast
fi
exec runuser --user postgres -- postgres -c listen_addresses='*'
