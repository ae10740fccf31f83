# Read by the scripts beside it. While set-up installs Redis they stand in front of Debian's tools of the same names, on
# the PATH of that one dpkg run only: a package named in REDIS_STAYS_OFF is neither enabled nor started, and every other
# package's request is passed on.

# Whether one of the arguments is a service that stays off.
stays_off() {
  for argument in "$@"; do
    for package in ${REDIS_STAYS_OFF:-}; do
      case $argument in "$package" | "$package.service") return 0 ;; esac
    done
  done
  return 1
}

# Runs the tool that this script stands in front of.
pass_on() {
  PATH=${PATH#"$here":}
  exec "$@"
}
