# What every unit of every environment shares. A unit is a folder <environment>/<stack> with a few lines of its own.

# The limit holds for Terraform and for OpenTofu: from here on S3 locks a state without a table beside it.
# There is no limit for Terragrunt here: with one, Terragrunt 1.1.3 crashes in `destroy --destroy-dependencies-check`.
terraform_version_constraint = ">= 1.10"

# cdktf reads the same variable, so both drivers always run the same program: Terraform and OpenTofu name
# providers differently in the state they share. (TG_TF_PATH and --tf-path overrule it for Terragrunt alone.)
terraform_binary = get_env("TERRAFORM_BINARY_NAME", "terraform")

locals {
  # The folder of this file and not a git command: an unpacked archive has no repository.
  project = dirname(get_parent_terragrunt_dir())
  output  = "${local.project}/cdktf.out"

  # <environment>/<stack>, from the folder of the unit.
  unit        = split("/", path_relative_to_include())
  environment = local.unit[0]
  stack       = local.unit[1]
  name        = "${local.environment}-${local.stack}"

  # Synthesizes when the output is missing or older than its sources, and prints nothing.
  # While Terragrunt parses is the only place for it: hooks run after the source has been looked at.
  # The arguments are the same in every unit, so that the cache of the process answers once one call has ended well.
  # Units that are parsed until then call it side by side, which it can take.
  ensured = run_cmd("--terragrunt-quiet", "--terragrunt-global-cache", "node", "${local.project}/tools/ensure-synthesized.mjs")

  # Every path below goes through this one, so that nothing is read before the output is known to be right.
  stacks   = "${local.output}/${local.ensured}stacks"
  document = "${local.stacks}/${local.name}/cdk.tf.json"

  # A `for` is evaluated only when it has something to go over, a conditional always: no process while all is well.
  # The explanation always fails, with a message.
  vanished = join("", [
    for document in fileexists(local.document) ? [] : [local.document] :
    run_cmd("--terragrunt-quiet", "node", "${local.project}/tools/explain-vanished-stack.mjs", local.environment, local.stack)
  ])

  # The synthesized document is the only place that says where the state is.
  content = jsondecode(file("${local.document}${local.vanished}"))
  backend = local.content.terraform.backend
  kind    = keys(local.backend)[0]
  config  = local.backend[local.kind]

  # For the units that take outputs of others: a text for each output, as the documents list them.
  others = { for name, _ in try(local.content.variable, {}) : name => "${local.stacks}/${local.environment}-${name}/cdk.tf.json" }
  mocks = { for name, document in local.others : name => {
    for output, _ in jsondecode(file(document)).output : output => "mock-${output}"
  } if fileexists(document) }

  destroys = length(setintersection(["-destroy", "--destroy", "-destroy=true", "--destroy=true"], get_terraform_cli_args())) > 0

  # A saved plan (`apply FILE`) cannot be looked into and may destroy: then converge brings back nothing that was retired.
  # The first argument without a dash is the command itself.
  saved_plan = length([for argument in get_terraform_cli_args() : argument if !startswith(argument, "-")]) > 1
}

# The same state as that of `cdktf deploy`: the two can take turns.
remote_state {
  backend = local.kind

  # An override file, because the document names a backend already and Terraform refuses two.
  generate = {
    path      = "backend_override.tf"
    if_exists = "overwrite_terragrunt"
  }

  # Terragrunt works on a copy elsewhere, so a path relative to the synthesized folder is made absolute.
  config = merge(local.config, { for key, value in local.config : key => abspath("${dirname(local.document)}/${value}") if key == "path" })
}

terraform {
  # Without a double slash: only this stack's folder is copied, and only its files decide whether it is initialized again.
  source = dirname(local.document)

  # Terraform cannot see a dead process or an edited file on a node and says "no changes", so every apply ends with a
  # look at the nodes. Zone by zone: it is right for one unit as well as for all, and a zone is whole before the next one begins.
  after_hook "converge" {
    if       = startswith(local.stack, "zone-") && !local.destroys
    commands = ["apply"]
    execute = concat(
      ["node", "${local.output}/redis-ha.cjs", "converge"],
      ["--env", local.environment, "--zone", trimprefix(local.stack, "zone-")],
      local.saved_plan ? [] : ["--after-apply"],
    )
  }

  # Provisioners find the checkout by their working directory, which --download-dir may have put elsewhere.
  extra_arguments "project" {
    commands = ["apply", "destroy"]
    env_vars = { REDIS_HA_PROJECT = local.project }
  }
}
