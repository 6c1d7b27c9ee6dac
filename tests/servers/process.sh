# Sourced by the scripts beside it: a server's state folder, its process, its port.
# A state folder holds a marker, so that no script ever wipes a folder that is not its own.

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# is_running PID_FILE PATTERN: a process id may have been given anew, hence the look at its name.
is_running() {
  [ -s "$1" ] && tr '\0' ' ' 2>/dev/null <"/proc/$(head -n 1 "$1")/cmdline" | grep -q -- "$2"
}

# claim_folder FOLDER KEEP: an empty folder of ours, or with KEEP=1 one with its former content.
claim_folder() {
  if [ -e "$1" ] && [ ! -e "$1/.driftd-test-server" ] && [ -n "$(ls -A "$1")" ]; then
    say "$1 is not empty and was not made by this script; name another folder"
    return 1
  fi
  # The folder itself stays: a test may have made it, with an owner and a mode of its choice.
  [ "$2" = 1 ] || [ ! -d "$1" ] || find "$1" -mindepth 1 -delete
  mkdir -p "$1" && touch "$1/.driftd-test-server"
}

wipe_folder() {
  if [ -e "$1/.driftd-test-server" ]; then rm -rf "$1"; fi
}

# stop_process PID SECONDS SIGNAL: asks with SIGNAL, insists with SIGKILL, returns when it is gone.
stop_process() {
  kill -s "$3" "$1" 2>/dev/null || return 0
  for _ in $(seq 1 "$(($2 * 10))"); do kill -0 "$1" 2>/dev/null || return 0; sleep 0.1; done
  say "pid $1 did not end within $2 s: SIGKILL"
  kill -KILL "$1" 2>/dev/null
  while kill -0 "$1" 2>/dev/null; do sleep 0.1; done
}
