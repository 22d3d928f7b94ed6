# SPDX-License-Identifier: MIT
# Copyright (c) 2026 The Roomwire founders
#
# `./dev run`: a state folder with secrets and configurations made from the samples at the top, and
# broker and gateway kept running on loopback. Sourced by dev.
# shellcheck shell=bash disable=SC2154

# ---- the state folder ----

stack_prepare() {
    umask 077
    mkdir -p "$state"
    local name
    for name in jwt service; do
        [[ -e $state/$name.secret ]] || openssl rand -hex -out "$state/$name.secret" 32
    done
    [[ $use_tls == 0 ]] || make_certificate
    socket_folder
    write_mosquitto_conf
    write_roomwire_conf
}

# A unix socket's path may have 107 bytes, a state folder's any number; and Mosquitto takes what
# stands before a space for the whole path of a listener.
socket_folder() {
    broker_socket=$state/mosquitto.sock
    [[ ${#broker_socket} -lt 100 && $broker_socket != *[[:space:]]* ]] && return
    broker_socket=${TMPDIR:-/tmp}/roomwire-$(sha256sum <<<"$state" | cut -c 1-16)
    mkdir -p "$broker_socket"
    [[ -O $broker_socket ]] || die "$broker_socket belongs to somebody else"
    broker_socket+=/mosquitto.sock
}

# For localhost alone, and for a year; browsers ask before they trust it.
make_certificate() {
    [[ -e $state/tls.crt ]] && openssl x509 -in "$state/tls.crt" -noout -checkend 86400 >/dev/null &&
        return
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 365 \
        -subj /CN=localhost -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' \
        -keyout "$state/tls.key" -out "$state/tls.crt" 2>"$state/openssl.log" ||
        die "openssl could not make a certificate: $(tail -n 1 "$state/openssl.log")"
}

# fill_in SAMPLE [START LINE]...: the sample with each line that begins so, commented out or not,
# replaced by the other line. One that the sample does not show is added at the end.
fill_in() {
    local sample=$1
    shift
    echo "# Made anew by each ./dev run: what you change here is lost. Change $root/$sample."
    printf '%s\n' "$@" | awk '
        FNR == NR {
            if (FNR % 2) { start[++count] = $0 } else { line[count] = $0 }
            next
        }
        {
            text = $0
            sub(/^# ?/, "", text)
            for (i = 1; i <= count; i++) {
                rest = substr(text, length(start[i]) + 1)
                if (index(text, start[i]) != 1 || rest !~ /^( |=|$)/) continue
                if (!done[i]++) print line[i]
                else if ($0 ~ /^#/) print
                next
            }
            print
        }
        END { for (i = 1; i <= count; i++) if (!done[i]) print line[i] }
    ' - "$sample"
}

write_mosquitto_conf() {
    mkdir -p "$state/mosquitto"
    local lines=(
        plugin "plugin $built/plugin/mosquitto_roomwire.so"
        plugin_opt_config "plugin_opt_config $state/roomwire.conf"
        'listener 1883' "listener $mqtt_port 127.0.0.1"
        'listener 0' "listener 0 $broker_socket"
        persistence_location "persistence_location $state/mosquitto/"
    )
    # As root the broker would become a user who cannot read this folder.
    ((EUID)) || lines+=(user 'user root')
    [[ $use_tls == 0 ]] || lines+=(
        'listener 8883' "listener $mqtts_port 127.0.0.1"
        certfile "certfile $state/tls.crt"
        keyfile "keyfile $state/tls.key"
    )
    fill_in mosquitto.conf "${lines[@]}" >"$state/mosquitto.conf"
}

write_roomwire_conf() {
    local lines=(
        secret_file "secret_file = $state/jwt.secret"
        service_secret_file "service_secret_file = $state/service.secret"
        database "database = $state/roomwire.db"
        broker_socket "broker_socket = $broker_socket"
        listen "listen = 127.0.0.1:$http_port"
        guests 'guests = yes'
    )
    [[ $use_tls == 0 ]] || lines+=(
        tls_certificate "tls_certificate = $state/tls.crt"
        tls_key "tls_key = $state/tls.key"
    )
    fill_in roomwire.conf "${lines[@]}" >"$state/roomwire.conf"
}

# ---- keeping two programs running ----

broker_pid=0
gateway_pid=0

stack_run() {
    scheme=http
    [[ $use_tls == 0 ]] || scheme=https
    port_is_free "$mqtt_port" || die "port $mqtt_port is in use; stop what holds it" \
        "(perhaps: systemctl stop mosquitto), or choose another by ROOMWIRE_MQTT_PORT"
    [[ $use_tls == 0 ]] || port_is_free "$mqtts_port" ||
        die "port $mqtts_port is in use; choose another by ROOMWIRE_MQTTS_PORT"
    port_is_free "$http_port" || die "port $http_port is in use; stop what holds it," \
        "or choose another by ROOMWIRE_HTTP_PORT"
    trap 'stack_stop; exit 0' INT TERM HUP
    trap stack_stop EXIT
    ulimit -n "$(ulimit -Hn)" # as many connections as this user may have
    start_broker
    wait_for_broker
    start_gateway
    wait_until_ready
    print_ready
    stack_watch
}

port_is_free() {
    ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# In sessions of their own, so that Ctrl-C comes to this script alone, which stops them in order;
# if it is killed itself, the kernel stops them.
start_broker() {
    setsid setpriv --pdeathsig TERM mosquitto -c "$state/mosquitto.conf" &
    broker_pid=$!
    broker_started=$SECONDS
}

start_gateway() {
    setsid setpriv --pdeathsig TERM "$built/gateway/roomwire" serve \
        --config "$state/roomwire.conf" &
    gateway_pid=$!
    gateway_started=$SECONDS
}

is_ready() {
    local options=(--noproxy '*') # curl asks the environment's proxy for localhost, too
    [[ $use_tls == 0 ]] || options+=(--cacert "$state/tls.crt")
    curl -fs --max-time 2 "${options[@]}" -o /dev/null "$scheme://localhost:$http_port/health/ready"
}

wait_for_broker() {
    local tries
    for ((tries = 0; tries < 200; tries++)); do
        port_is_free "$mqtt_port" || return 0
        kill -0 "$broker_pid" 2>/dev/null || die "the broker did not start"
        sleep 0.05
    done
    die "the broker does not listen within 10 s"
}

wait_until_ready() {
    local tries
    for ((tries = 0; tries < 300; tries++)); do
        is_ready && return
        kill -0 "$broker_pid" 2>/dev/null || die "the broker did not start"
        kill -0 "$gateway_pid" 2>/dev/null || die "the gateway did not start"
        sleep 0.1
    done
    die "not ready within 30 s"
}

# A pause that grows with every death soon after a start: 1, 2, 4 ... 30 s.
pause_before() { # SECONDS-RUN PAUSE-BEFORE
    if (($1 > 60)); then echo 1; else echo $(($2 * 2 > 30 ? 30 : $2 * 2)); fi
}

# A sleep that a signal's trap need not wait for.
pause() {
    sleep "$1" &
    wait "$!"
}

# One that was started by hand has taken the place of ours: until it ends there is none of ours.
await_other_gateway() {
    say "dev: another gateway serves port $http_port; when it ends, ours is started again"
    while ! port_is_free "$http_port"; do sleep 1; done &
    gateway_pid=$!
}

stack_watch() {
    local died status broker_pause=1 gateway_pause=1
    while true; do
        died=0 status=0
        wait -n -p died "$broker_pid" "$gateway_pid" || status=$?
        if [[ ${died:-0} == "$broker_pid" ]]; then
            say "dev: the broker stopped; starting it again in $broker_pause s"
            pause "$broker_pause"
            broker_pause=$(pause_before $((SECONDS - broker_started)) "$broker_pause")
            start_broker
        elif [[ ${died:-0} == "$gateway_pid" ]] && ((status == 0)) && ! port_is_free "$http_port"; then
            await_other_gateway
        elif [[ ${died:-0} == "$gateway_pid" ]]; then
            say "dev: the gateway stopped; starting it again in $gateway_pause s"
            pause "$gateway_pause"
            gateway_pause=$(pause_before $((SECONDS - gateway_started)) "$gateway_pause")
            start_gateway
        fi
    done
}

# The gateway first: it finishes its requests while the broker is still there.
stack_stop() {
    trap '' INT TERM HUP
    trap - EXIT
    local pid tries
    for pid in "$gateway_pid" "$broker_pid"; do
        ((pid)) || continue
        kill -TERM "$pid" 2>/dev/null || continue
        for ((tries = 0; tries < 150; tries++)); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        kill -KILL "$pid" 2>/dev/null || true
    done
}

# ---- what people see ----

print_ready() {
    local base=$scheme://127.0.0.1:$http_port tls='' prefix=''
    [[ $use_tls == 0 ]] || tls=" --cacert ${state@Q}/tls.crt"
    [[ $state == "$root/state" ]] || prefix="ROOMWIRE_STATE=${state@Q} "
    [[ -z ${ROOMWIRE_BUILD:-} ]] || prefix+="ROOMWIRE_BUILD=${built@Q} "
    cat <<END
ready $base/
  Open it in a browser and choose a nickname. Or, in another terminal, in $root:

  TOKEN=\$(${prefix}./dev token alice '*=rw' bill=r)
  mosquitto_sub -p $mqtt_port -u alice -P "\$TOKEN" -v -t 'rooms/+/messages' &
  mosquitto_pub -p $mqtt_port -u alice -P "\$TOKEN" -q 1 -t rooms/lobby/messages -m 'hello'
  curl$tls -H "Authorization: Bearer \$TOKEN" --data-urlencode text='hello from curl' $base/rooms/lobby/messages
  curl$tls -H "Authorization: Bearer \$TOKEN" $base/rooms/lobby/messages

  Ctrl-C stops both programs; the messages stay in $state.
END
}
