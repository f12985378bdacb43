# shellcheck shell=bash disable=SC2034 # what is set here is for the scripts that source this
# test/natlab/sshd.sh: Debian's ssh and sshd between hosts of the lab. Source it after lib.sh and lab.sh.
#
# The lab has one user, whom it calls root, and sshd will not serve as a root that cannot become others: so it runs
# as a user of its own, "lab", whom only the lab's /etc/passwd knows.
SSHD=$TOP/build/deb/usr/sbin/sshd # the package is only unpacked (test/deps.sh)
SSHD_PORT=2222
SSHD_UID=1000

# ssh_begin: keys, and a user to log in as. SSH and SCP are the commands, their options with them.
ssh_begin() {
    local home=$WORK/home
    mkdir -p "$home/.ssh"
    ssh-keygen -q -t ed25519 -N '' -f "$WORK/host_key" && ssh-keygen -q -t ed25519 -N '' -f "$WORK/user_key" || return
    cp "$WORK/user_key.pub" "$home/.ssh/authorized_keys"
    { cat /etc/passwd && echo "lab:x:$SSHD_UID:$SSHD_UID::$home:/bin/sh"; } >"$WORK/passwd"
    mount --bind "$WORK/passwd" /etc/passwd || return
    SSH_OPTIONS=(-F /dev/null -i "$WORK/user_key" -o BatchMode=yes -o StrictHostKeyChecking=no -o LogLevel=ERROR
        -o UserKnownHostsFile=/dev/null -o IdentitiesOnly=yes)
    SSH=(ssh "${SSH_OPTIONS[@]}")
    SCP=(scp -q -P "$SSHD_PORT" "${SSH_OPTIONS[@]}")
}
# ssh_serve HOST ADDRESS: sshd on that host of the lab, once it listens.
ssh_serve() {
    lab_start sshd "$1" unshare -U --map-user=$SSHD_UID --map-group=$SSHD_UID "$SSHD" -D -e -f /dev/null \
        -h "$WORK/host_key" -o "ListenAddress=$2:$SSHD_PORT" -o UsePAM=no -o StrictModes=no -o PidFile=none -o 'Subsystem sftp internal-sftp'
    await_line "$WORK/sshd.err" "Server listening on $2" >/dev/null
}
