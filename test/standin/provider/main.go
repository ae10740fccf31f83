// Command standin-provider stands in for a Terraform provider that tests cannot download. It is for tests only: it keeps
// what a configuration says and makes nothing.
//
// One program serves every provider that has a file in schemas. Which one follows from the name it is run by, as
// terraform-provider-null_v3.2.4.
//
// Of aws it reads these environment variables:
//   - STANDIN_STORE: the folder where it keeps what exists, as <type>/<id>.json; a test has one of its own
//   - STANDIN_ACCOUNT_ID: the account whose credentials are at hand, 123456789012 when not given
//   - STANDIN_HOOK: a program to run for what a test wants to happen; see hook.go
package main

import (
	"log"
	"os"
	"path/filepath"
	"regexp"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5/tf5server"
)

var programName = regexp.MustCompile(`^terraform-provider-([a-z]+)_v`)

func main() {
	name := programName.FindStringSubmatch(filepath.Base(os.Args[0]))
	if name == nil {
		log.Fatalf("%s: run it as terraform-provider-<name>_v<version>", os.Args[0])
	}
	schema, err := readSchema(name[1])
	if err != nil {
		log.Fatal(err)
	}
	serve := func() tfprotov5.ProviderServer { return newServer(schema) }
	if err := tf5server.Serve("registry.terraform.io/hashicorp/"+name[1], serve); err != nil {
		log.Fatal(err)
	}
}
