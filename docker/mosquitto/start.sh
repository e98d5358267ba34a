#!/bin/sh
# Gives the platform's own accounts the passwords of .env, keeps the accounts of nodes, and starts the broker.
set -eu
umask 077
cd /mosquitto/data

# Hashed in a file, not by `mosquitto_passwd -b`, which would show the passwords to whoever lists processes.
printf '%s\n' "bypuls.ingest:$INGEST_PASSWORD" "bypuls.simulator:$SIMULATOR_PASSWORD" > accounts.new
mosquitto_passwd -U accounts.new
if [ -e accounts ]; then
    grep -v '^bypuls\.' accounts >> accounts.new || true
fi
mv accounts.new accounts
unset INGEST_PASSWORD SIMULATOR_PASSWORD

# Mosquitto wants its access rules to be its own, and readable by nobody else.
cp /mosquitto/config/acl acl

exec mosquitto -c /mosquitto/config/mosquitto.conf
