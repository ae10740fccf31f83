package main

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

func (s *server) typeOf(name string) tftypes.Type { return s.resources[name].schema().ValueType() }

// ValidateResourceTypeConfig refuses what Terraform itself lets pass: a value for an attribute that is only computed.
func (s *server) ValidateResourceTypeConfig(_ context.Context, request *tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	config, err := s.read(request.TypeName, request.Config)
	if err != nil {
		return nil, err
	}
	response := &tfprotov5.ValidateResourceTypeConfigResponse{}
	for name, it := range s.resources[request.TypeName] {
		if it.onlyComputed() && !config[name].IsNull() {
			err := fmt.Errorf("%s.%s is computed and cannot be set", request.TypeName, name)
			response.Diagnostics = append(response.Diagnostics, failed(err)...)
		}
	}
	return response, nil
}

// PlanResourceChange says what is known only after the apply, and which changes make another resource of it. Terraform
// asks for such a resource again, as for a new one.
func (s *server) PlanResourceChange(_ context.Context, request *tfprotov5.PlanResourceChangeRequest) (*tfprotov5.PlanResourceChangeResponse, error) {
	prior, err := s.read(request.TypeName, request.PriorState)
	if err != nil {
		return nil, err
	}
	planned, err := s.read(request.TypeName, request.ProposedNewState)
	if err != nil {
		return nil, err
	}
	if planned == nil {
		return &tfprotov5.PlanResourceChangeResponse{PlannedState: request.ProposedNewState}, nil
	}
	response := &tfprotov5.PlanResourceChangeResponse{PlannedPrivate: request.PriorPrivate}
	for name, it := range s.resources[request.TypeName] {
		if prior == nil && it.Computed && planned[name].IsNull() {
			planned[name] = tftypes.NewValue(it.Type.Type, tftypes.UnknownValue)
		}
		if prior != nil && it.ForcesReplacement && !planned[name].Equal(prior[name]) {
			response.RequiresReplace = append(response.RequiresReplace, tftypes.NewAttributePath().WithAttributeName(name))
		}
	}
	response.PlannedState, err = s.write(request.TypeName, planned)
	return response, err
}

// ApplyResourceChange keeps what was planned, and decides what was left open.
func (s *server) ApplyResourceChange(_ context.Context, request *tfprotov5.ApplyResourceChangeRequest) (*tfprotov5.ApplyResourceChangeResponse, error) {
	state, err := s.read(request.TypeName, request.PlannedState)
	if err != nil {
		return nil, err
	}
	if state == nil {
		return &tfprotov5.ApplyResourceChangeResponse{NewState: request.PlannedState}, nil
	}
	for name, it := range s.resources[request.TypeName] {
		if it.Computed && !state[name].IsKnown() {
			state[name] = computedValues[name]()
		}
	}
	written, err := s.write(request.TypeName, state)
	return &tfprotov5.ApplyResourceChangeResponse{NewState: written, Private: request.PlannedPrivate}, err
}

// ReadResource finds everything as it was left: there is nothing outside of the state.
func (s *server) ReadResource(_ context.Context, request *tfprotov5.ReadResourceRequest) (*tfprotov5.ReadResourceResponse, error) {
	return &tfprotov5.ReadResourceResponse{NewState: request.CurrentState, Private: request.Private}, nil
}

// UpgradeResourceState reads a state; Terraform asks for it every time.
func (s *server) UpgradeResourceState(_ context.Context, request *tfprotov5.UpgradeResourceStateRequest) (*tfprotov5.UpgradeResourceStateResponse, error) {
	value, err := request.RawState.Unmarshal(s.typeOf(request.TypeName))
	if err != nil {
		return &tfprotov5.UpgradeResourceStateResponse{Diagnostics: failed(err)}, nil
	}
	state, err := tfprotov5.NewDynamicValue(s.typeOf(request.TypeName), value)
	return &tfprotov5.UpgradeResourceStateResponse{UpgradedState: &state}, err
}

// ImportResourceState is refused: there is nothing that could be imported.
func (s *server) ImportResourceState(_ context.Context, request *tfprotov5.ImportResourceStateRequest) (*tfprotov5.ImportResourceStateResponse, error) {
	err := fmt.Errorf("%s cannot be imported: %w", request.TypeName, errNotServed)
	return &tfprotov5.ImportResourceStateResponse{Diagnostics: failed(err)}, nil
}

// MoveResourceState is refused: a moved block must not change the type.
func (s *server) MoveResourceState(_ context.Context, request *tfprotov5.MoveResourceStateRequest) (*tfprotov5.MoveResourceStateResponse, error) {
	err := fmt.Errorf("%s cannot become %s: %w", request.SourceTypeName, request.TargetTypeName, errNotServed)
	return &tfprotov5.MoveResourceStateResponse{Diagnostics: failed(err)}, nil
}

func (s *server) UpgradeResourceIdentity(context.Context, *tfprotov5.UpgradeResourceIdentityRequest) (*tfprotov5.UpgradeResourceIdentityResponse, error) {
	return nil, errNotServed
}

func (s *server) GenerateResourceConfig(context.Context, *tfprotov5.GenerateResourceConfigRequest) (*tfprotov5.GenerateResourceConfigResponse, error) {
	return nil, errNotServed
}

// read returns a resource's attributes by name; nil for a resource that is not there.
func (s *server) read(typeName string, dynamic *tfprotov5.DynamicValue) (map[string]tftypes.Value, error) {
	value, err := dynamic.Unmarshal(s.typeOf(typeName))
	if err != nil || value.IsNull() {
		return nil, err
	}
	attributes := map[string]tftypes.Value{}
	err = value.As(&attributes)
	return attributes, err
}

func (s *server) write(typeName string, attributes map[string]tftypes.Value) (*tfprotov5.DynamicValue, error) {
	valueType := s.typeOf(typeName)
	dynamic, err := tfprotov5.NewDynamicValue(valueType, tftypes.NewValue(valueType, attributes))
	return &dynamic, err
}
