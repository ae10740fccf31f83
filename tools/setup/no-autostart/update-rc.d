#!/bin/sh
here=$(dirname "$0")
. "$here/_pass-on.sh"
if stays_off "$@" && [ "${2:-}" = defaults ]; then pass_on update-rc.d "$1" defaults-disabled; fi
pass_on update-rc.d "$@"
