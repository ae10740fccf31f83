#!/bin/sh
# First boot of <%= it.name %> in the environment <%= it.environment %>: who may log in, and which keys this machine shows them.
<% if (it.isNode) { -%>
# What is more, the first apply brings.
<% } -%>
set -eu
umask 022
export DEBIAN_FRONTEND=noninteractive

home=$(getent passwd '<%= it.user %>' | cut -d: -f6)
install -d -m 0700 -o '<%= it.user %>' -g '<%= it.user %>' "$home/.ssh"
touch "$home/.ssh/authorized_keys"
while IFS= read -r key; do
  grep -qxF "$key" "$home/.ssh/authorized_keys" || printf '%s\n' "$key" >>"$home/.ssh/authorized_keys"
done <<'KEYS'
<%= it.publicKeys.join("\n") %>
KEYS
chown '<%= it.user %>:<%= it.user %>' "$home/.ssh/authorized_keys"
chmod 0600 "$home/.ssh/authorized_keys"

# Debian's own upgrades may be under way.
install_package() { apt-get -qy -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@"; }
command -v curl >/dev/null || { apt-get -q update && install_package curl; }

# Says in Parameter Store which keys this machine's ssh has, with the rights of its own role, which AWS may take a moment to know. The
# role's credentials pass through standard input.
metadata=http://169.254.169.254/latest
about() { curl -sSf -H "X-aws-ec2-metadata-token: $token" "$metadata/meta-data/$1"; }
field() { printf '%s' "$credentials" | sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p"; }
keys=$(cat /etc/ssh/ssh_host_*_key.pub | cut -d' ' -f1,2 | sed 's/$/\\n/' | tr -d '\n')
say_keys() {
  token=$(curl -sSf -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 300' "$metadata/api/token") || return
  role=$(about iam/security-credentials/) || return
  credentials=$(about "iam/security-credentials/$role") || return
  printf 'user = "%s:%s"\nheader = "x-amz-security-token: %s"\n' "$(field AccessKeyId)" "$(field SecretAccessKey)" "$(field Token)" |
    curl -sSf -o /dev/null -K - --aws-sigv4 'aws:amz:<%= it.region %>:ssm' \
      -H 'Content-Type: application/x-amz-json-1.1' -H 'X-Amz-Target: AmazonSSM.PutParameter' \
      -d "{\"Name\": \"<%= it.hostKeys %>\", \"Type\": \"String\", \"Overwrite\": true, \"Value\": \"$keys\"}" \
      'https://ssm.<%= it.region %>.<%= it.dnsSuffix %>/'
}
tries=60
until say_keys; do
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] || { echo 'The keys could not be said for five minutes.' >&2; exit 1; }
  sleep 5
done
<% if (it.sessionManager) { -%>

# Amazon's agent for Session Manager, which Debian does not have. From the bucket of this region, by TLS.
architecture=$(dpkg --print-architecture)
package=$(mktemp -d)/amazon-ssm-agent.deb
curl -sSf --retry 10 --retry-all-errors -o "$package" "https://s3.<%= it.region %>.<%= it.dnsSuffix %>/amazon-ssm-<%= it.region %>/latest/debian_$architecture/amazon-ssm-agent.deb"
install_package "$package"
<% } -%>
