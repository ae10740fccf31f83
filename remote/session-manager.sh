#!/bin/sh
# ProxyCommand for ssh: goes to a machine by Session Manager. Needs AWS's command line and its plugin for Session Manager on this
# computer, and the right to find machines and to open sessions.
# Arguments: region, project, environment, the machine's private address, port.
set -eu
region=$1 project=$2 environment=$3 address=$4 port=$5

for program in aws session-manager-plugin; do
  command -v "$program" >/dev/null || {
    echo "$program: not found on this computer; ssh to machines on AWS goes by Session Manager here: install the AWS CLI 2 and its Session Manager plugin, or give target.proxyJump or target.proxyCommand" >&2
    exit 1
  }
done

# Another VPC of the account may have the same address.
machine=$(aws ec2 describe-instances --region "$region" --output text --query 'Reservations[].Instances[].InstanceId' --filters \
  "Name=private-ip-address,Values=$address" "Name=tag:Project,Values=$project" "Name=tag:Environment,Values=$environment" \
  'Name=instance-state-name,Values=running')
case $machine in
  i-*[!0-9a-f]* | '' | None)
    echo "$address: not one running machine of $environment in $region has this address (${machine:-none})" >&2
    exit 1
    ;;
esac
exec aws ssm start-session --region "$region" --target "$machine" --document-name AWS-StartSSHSession --parameters "portNumber=$port"
