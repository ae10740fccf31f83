# A unit that has nothing to run and stands in the way: `run --all` finds it only from this folder or from above, and from
# there it would reach every environment at once. The refusal is an error of this file, so nothing at all is applied.
# A filter that leaves this folder out (`--filter './local/**'`) has named an environment, and passes.

# For those who mean it: `--feature all_environments=true`.
feature "all_environments" {
  default = false
}

exclude {
  if      = true
  no_run  = true
  actions = ["all"]
}

locals {
  # A `for` is evaluated only when it has something to go over; a conditional always evaluates both of its sides.
  # Terragrunt also reads this file when it looks upwards for dependents of a unit; the command tells the two apart.
  refused = [
    for insists in feature.all_environments.value ? [] : [false] :
    run_cmd("--terragrunt-quiet", "node", "${get_terragrunt_dir()}/../tools/refuse-all-environments.mjs", get_terraform_command())
  ]
}
