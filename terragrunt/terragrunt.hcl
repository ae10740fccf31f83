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
  # In the cache of the folder that Terragrunt works from: the command alone does not tell this folder from one below.
  # Empty while this function itself reads the file.
  cache = get_working_dir()

  # A `for` is evaluated only when it has something to go over; a conditional always evaluates both of its sides.
  refused = [
    for insists in feature.all_environments.value || local.cache == "" ? [] : [false] :
    run_cmd("--terragrunt-quiet", "node", "${get_terragrunt_dir()}/../tools/refuse-all-environments.mjs", get_terraform_command(), local.cache)
  ]
}
