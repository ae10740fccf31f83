package main

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// ValidateResourceTypeConfig refuses what Terraform itself lets pass.
func (s *server) ValidateResourceTypeConfig(_ context.Context, request *tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	resource := s.Resources[request.TypeName]
	config, err := resource.read(request.Config)
	if err != nil {
		return nil, err
	}
	response := &tfprotov5.ValidateResourceTypeConfigResponse{Diagnostics: resource.refuse(request.TypeName, config)}
	if rule := sourcesOf[request.TypeName]; rule != nil {
		response.Diagnostics = append(response.Diagnostics, failed(exactlyOne(config, rule))...)
	}
	return response, nil
}

// refuse names what a configuration sets and only a provider can, and what it sets to null and has to be there.
func (b block) refuse(path string, config values) []*tfprotov5.Diagnostic {
	var all []*tfprotov5.Diagnostic
	for name, it := range b {
		value, isThere := config[name]
		here := path + "." + name
		switch {
		case it.Block != "":
			for _, element := range it.elementsOf(value) {
				all = append(all, it.Members.refuse(here, element)...)
			}
		case isThere && it.onlyComputed() && !value.IsNull():
			all = append(all, failed(fmt.Errorf("%s is computed and cannot be set", here))...)
		case isThere && it.Required && value.IsNull():
			all = append(all, failed(fmt.Errorf("Missing required argument: %s is required", here))...)
		}
	}
	return all
}

// PlanResourceChange says what is known only after the apply, and which changes make another resource of it. Terraform
// asks for such a resource again, as for a new one.
func (s *server) PlanResourceChange(_ context.Context, request *tfprotov5.PlanResourceChangeRequest) (*tfprotov5.PlanResourceChangeResponse, error) {
	resource := s.Resources[request.TypeName]
	prior, err := resource.read(request.PriorState)
	if err != nil {
		return nil, err
	}
	config, err := resource.read(request.Config)
	if err != nil {
		return nil, err
	}
	planned, err := resource.read(request.ProposedNewState)
	if err != nil {
		return nil, err
	}
	if planned == nil {
		return &tfprotov5.PlanResourceChangeResponse{PlannedState: request.ProposedNewState}, nil
	}
	s.planOfAws(resource, config, planned)
	for name, it := range resource {
		unknown := prior == nil && planned[name].IsNull()
		for _, trigger := range computedAgain[request.TypeName][name] {
			unknown = unknown || prior != nil && !planned[trigger].Equal(prior[trigger])
		}
		if it.Computed && unknown {
			planned[name] = tftypes.NewValue(it.Type.Type, tftypes.UnknownValue)
		}
	}
	response := &tfprotov5.PlanResourceChangeResponse{PlannedPrivate: request.PriorPrivate}
	for name, it := range resource {
		if prior != nil && (it.replaces(prior[name], planned[name]) || replacesAsToldTo(request.TypeName, name, prior, planned)) {
			response.RequiresReplace = append(response.RequiresReplace, tftypes.NewAttributePath().WithAttributeName(name))
		}
	}
	response.PlannedState, err = resource.write(planned)
	return response, err
}

// toldToReplace names, by type, attributes whose change makes another resource where one more of its attributes says so.
var toldToReplace = map[string]map[string]string{
	"aws_instance": {"user_data": "user_data_replace_on_change", "user_data_base64": "user_data_replace_on_change"},
}

func replacesAsToldTo(typeName, name string, prior, planned values) bool {
	told, has := toldToReplace[typeName][name]
	return has && !prior[name].Equal(planned[name]) && planned[told].Equal(tftypes.NewValue(tftypes.Bool, true))
}

// replaces tells whether a change forces a replacement, be it of an attribute in a nested block.
func (m member) replaces(prior, planned tftypes.Value) bool {
	if prior.Equal(planned) {
		return false
	}
	before, after := m.elementsOf(prior), m.elementsOf(planned)
	for i := range max(len(before), len(after)) {
		for name, it := range m.Members {
			if it.replaces(at(before, i, name, it), at(after, i, name, it)) {
				return true
			}
		}
	}
	return m.ForcesReplacement
}

// at is an attribute of the element at i, null where there is no such element.
func at(all []values, i int, name string, it member) tftypes.Value {
	if i < len(all) && all[i] != nil {
		return all[i][name]
	}
	return tftypes.NewValue(block{name: it}.valueType().(tftypes.Object).AttributeTypes[name], nil)
}

// ApplyResourceChange keeps what was planned, and decides what was left open.
func (s *server) ApplyResourceChange(_ context.Context, request *tfprotov5.ApplyResourceChangeRequest) (*tfprotov5.ApplyResourceChangeResponse, error) {
	resource := s.Resources[request.TypeName]
	prior, err := resource.read(request.PriorState)
	if err != nil {
		return nil, err
	}
	planned, err := resource.read(request.PlannedState)
	if err != nil {
		return nil, err
	}
	response := &tfprotov5.ApplyResourceChangeResponse{NewState: request.PlannedState, Private: request.PlannedPrivate}
	if planned == nil {
		if err := s.destroy(request.TypeName, factsOf(prior)); err != nil {
			response.NewState, response.Diagnostics = request.PriorState, failed(err)
		}
		return response, nil
	}
	exists, err := s.change(request.TypeName, prior, planned)
	response.Diagnostics = failed(err)
	if !exists {
		// Nothing was made or changed.
		response.NewState = request.PriorState
		return response, nil
	}
	response.NewState, err = resource.write(planned)
	return response, err
}

// ReadResource finds everything as it was left, or as a test changed it since.
func (s *server) ReadResource(_ context.Context, request *tfprotov5.ReadResourceRequest) (*tfprotov5.ReadResourceResponse, error) {
	response := &tfprotov5.ReadResourceResponse{NewState: request.CurrentState, Private: request.Private}
	if !s.isAws() {
		return response, nil
	}
	resource := s.Resources[request.TypeName]
	current, err := resource.read(request.CurrentState)
	if err != nil {
		return nil, err
	}
	found, err := s.find(request.TypeName, factsOf(current))
	if err != nil {
		response.Diagnostics = failed(err)
		return response, nil
	}
	var state any
	if found != nil {
		state = found
	}
	value, err := valueOf(resource.valueType(), state)
	if err != nil {
		return nil, err
	}
	dynamic, err := tfprotov5.NewDynamicValue(resource.valueType(), value)
	response.NewState = &dynamic
	return response, err
}

// UpgradeResourceState reads a state; Terraform asks for it every time.
func (s *server) UpgradeResourceState(_ context.Context, request *tfprotov5.UpgradeResourceStateRequest) (*tfprotov5.UpgradeResourceStateResponse, error) {
	valueType := s.Resources[request.TypeName].valueType()
	value, err := request.RawState.Unmarshal(valueType)
	if err != nil {
		return &tfprotov5.UpgradeResourceStateResponse{Diagnostics: failed(err)}, nil
	}
	state, err := tfprotov5.NewDynamicValue(valueType, value)
	return &tfprotov5.UpgradeResourceStateResponse{UpgradedState: &state}, err
}
