package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
)

// configuration is what the aws provider was configured with.
type configuration struct {
	region, account string
	defaultTags     values
}

func (s *server) PrepareProviderConfig(_ context.Context, request *tfprotov5.PrepareProviderConfigRequest) (*tfprotov5.PrepareProviderConfigResponse, error) {
	return &tfprotov5.PrepareProviderConfigResponse{PreparedConfig: request.Config}, nil
}

// ConfigureProvider refuses credentials of another account, as the real provider does.
func (s *server) ConfigureProvider(_ context.Context, request *tfprotov5.ConfigureProviderRequest) (*tfprotov5.ConfigureProviderResponse, error) {
	if !s.isAws() {
		return &tfprotov5.ConfigureProviderResponse{}, nil
	}
	config, err := s.Provider.read(request.Config)
	if err != nil {
		return nil, err
	}
	s.configuration, err = configured(config, s.Provider["default_tags"])
	return &tfprotov5.ConfigureProviderResponse{Diagnostics: failed(err)}, nil
}

func configured(config values, defaultTags member) (configuration, error) {
	it := factsOf(config)
	result := configuration{region: it.text("region"), account: cmp.Or(os.Getenv("STANDIN_ACCOUNT_ID"), "123456789012")}
	for _, element := range defaultTags.elementsOf(config["default_tags"]) {
		result.defaultTags = membersOf(element["tags"])
	}
	if result.region == "" {
		return result, errors.New("invalid AWS Region: the provider's configuration has to name one")
	}
	allowed, forbidden := it.texts("allowed_account_ids"), it.texts("forbidden_account_ids")
	if allowed != nil && !slices.Contains(allowed, result.account) || slices.Contains(forbidden, result.account) {
		return result, fmt.Errorf("AWS account ID not allowed: %s", result.account)
	}
	return result, nil
}
