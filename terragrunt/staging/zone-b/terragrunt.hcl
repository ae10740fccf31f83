include "root" {
  path   = find_in_parent_folders("root.hcl")
  expose = true
}

dependencies {
  paths = ["../zone-a"]
}

dependency "foundation" {
  config_path = "../foundation"

  mock_outputs                            = include.root.locals.mocks["foundation"]
  mock_outputs_allowed_terraform_commands = ["init", "validate", "plan", "destroy"]
  mock_outputs_merge_strategy_with_state  = "shallow"
}

dependency "network" {
  config_path = "../network"

  mock_outputs                            = include.root.locals.mocks["network"]
  mock_outputs_allowed_terraform_commands = ["init", "validate", "plan", "destroy"]
  mock_outputs_merge_strategy_with_state  = "shallow"
}

inputs = {
  foundation = dependency.foundation.outputs
  network    = dependency.network.outputs
}
