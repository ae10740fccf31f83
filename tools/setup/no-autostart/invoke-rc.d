#!/bin/sh
here=$(dirname "$0")
. "$here/_pass-on.sh"
stays_off "$@" && exit 0
pass_on invoke-rc.d "$@"
