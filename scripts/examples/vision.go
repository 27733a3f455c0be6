// Package vision starts a Vision service for tests, which lives as long as they do, even if they are killed.
package vision

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
)

// Service is a service that answers. Stop ends it.
type Service struct {
	GRPCEndpoint string `json:"grpc_endpoint"`
	RESTEndpoint string `json:"rest_endpoint"`
	Stop         func() error
}

// Start returns a service once it answers.
func Start(options ...string) (*Service, error) {
	command := exec.Command("vision-grpc", append([]string{"serve", "--until-stdin-closes"}, options...)...)
	command.Stderr = os.Stderr
	stdin, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	service := &Service{Stop: func() error { stdin.Close(); return command.Wait() }}
	if err := json.NewDecoder(stdout).Decode(service); err != nil {
		return nil, fmt.Errorf("vision-grpc did not start: %w (%v)", err, service.Stop())
	}
	return service, nil
}
