package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
)

// server answers Terraform. It has every method of the protocol, so that none ends in a crash.
type server struct {
	*providerSchema
	configuration
	store store
	// lock is held while something is made or changed.
	lock sync.Mutex
	// untilStopped ends when Terraform is interrupted.
	untilStopped context.Context
	stop         context.CancelFunc
}

func newServer(schema *providerSchema) *server {
	s := &server{providerSchema: schema, store: store{os.Getenv("STANDIN_STORE")}}
	s.untilStopped, s.stop = context.WithCancel(context.Background())
	return s
}

// isAws tells whether what is made exists outside of the state, in the store.
func (s *server) isAws() bool { return s.Provider != nil }

// The same as the framework's that the real providers are written with.
var capabilities = &tfprotov5.ServerCapabilities{GetProviderSchemaOptional: true, PlanDestroy: true}

var errNotServed = errors.New("not served by the stand-in provider, which is for tests only: see test/standin")

func failed(err error) []*tfprotov5.Diagnostic {
	if err == nil {
		return nil
	}
	return []*tfprotov5.Diagnostic{{Severity: tfprotov5.DiagnosticSeverityError, Summary: err.Error()}}
}

func (s *server) GetMetadata(context.Context, *tfprotov5.GetMetadataRequest) (*tfprotov5.GetMetadataResponse, error) {
	response := &tfprotov5.GetMetadataResponse{ServerCapabilities: capabilities}
	for name := range s.Resources {
		response.Resources = append(response.Resources, tfprotov5.ResourceMetadata{TypeName: name})
	}
	for name := range s.DataSources {
		response.DataSources = append(response.DataSources, tfprotov5.DataSourceMetadata{TypeName: name})
	}
	return response, nil
}

func (s *server) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	return &tfprotov5.GetProviderSchemaResponse{
		ServerCapabilities: capabilities,
		Provider:           s.Provider.schema(),
		ResourceSchemas:    schemasOf(s.Resources),
		DataSourceSchemas:  schemasOf(s.DataSources),
	}, nil
}

func (s *server) GetResourceIdentitySchemas(context.Context, *tfprotov5.GetResourceIdentitySchemasRequest) (*tfprotov5.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov5.GetResourceIdentitySchemasResponse{}, nil
}

func (s *server) StopProvider(context.Context, *tfprotov5.StopProviderRequest) (*tfprotov5.StopProviderResponse, error) {
	s.stop()
	return &tfprotov5.StopProviderResponse{}, nil
}

func (s *server) GetFunctions(context.Context, *tfprotov5.GetFunctionsRequest) (*tfprotov5.GetFunctionsResponse, error) {
	return &tfprotov5.GetFunctionsResponse{}, nil
}

// What no schema offers, Terraform does not ask for.

func (s *server) CallFunction(context.Context, *tfprotov5.CallFunctionRequest) (*tfprotov5.CallFunctionResponse, error) {
	return nil, errNotServed
}

func (s *server) ValidateEphemeralResourceConfig(context.Context, *tfprotov5.ValidateEphemeralResourceConfigRequest) (*tfprotov5.ValidateEphemeralResourceConfigResponse, error) {
	return nil, errNotServed
}

func (s *server) OpenEphemeralResource(context.Context, *tfprotov5.OpenEphemeralResourceRequest) (*tfprotov5.OpenEphemeralResourceResponse, error) {
	return nil, errNotServed
}

func (s *server) RenewEphemeralResource(context.Context, *tfprotov5.RenewEphemeralResourceRequest) (*tfprotov5.RenewEphemeralResourceResponse, error) {
	return nil, errNotServed
}

func (s *server) CloseEphemeralResource(context.Context, *tfprotov5.CloseEphemeralResourceRequest) (*tfprotov5.CloseEphemeralResourceResponse, error) {
	return nil, errNotServed
}

// ImportResourceState is refused: what is imported would be what a test put there, and no test does.
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
