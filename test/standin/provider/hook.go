package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

const hookTimeout = 5 * time.Minute

// hooked says for which types a test's program is run, and what it is told besides the resource's own attributes: by
// name, the type of another resource and the attribute that has its id. An instance's block network_interface, which
// belongs to it in another way, gives place.
var hooked = map[string]map[string][2]string{
	"aws_instance": {"network_interface": {"aws_network_interface", "primary_network_interface_id"}},
	"aws_volume_attachment": {
		"volume":   {"aws_ebs_volume", "volume_id"},
		"instance": {"aws_instance", "instance_id"},
	},
}

// runHook runs `$STANDIN_HOOK <create|update|destroy> <type>` with the resource as JSON on its standard input. Where it
// fails, the operation fails with what it wrote to standard error.
func (s *server) runHook(operation, typeName string, it facts) error {
	program := os.Getenv("STANDIN_HOOK")
	others, isHooked := hooked[typeName]
	if program == "" || !isHooked {
		return nil
	}
	document := facts{}
	for name, value := range it {
		document[name] = value
	}
	for name, other := range others {
		found, err := s.store.read(other[0], it.text(other[1]))
		if err != nil {
			return err
		}
		document[name] = found
	}
	input, err := json.Marshal(document)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.untilStopped, hookTimeout)
	defer cancel()
	var stderr bytes.Buffer
	command := exec.CommandContext(ctx, program, operation, typeName)
	command.Stdin = bytes.NewReader(input)
	command.Stderr = &stderr
	// Its children end with it.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGKILL) }
	command.WaitDelay = time.Second
	if err := command.Run(); err != nil {
		return fmt.Errorf("the hook of %s %s failed (%w): %s", operation, it.text("id"), err, strings.TrimSpace(stderr.String()))
	}
	return nil
}
