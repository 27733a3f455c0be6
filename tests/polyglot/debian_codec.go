package main

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/protobuf/proto"
)

// Debian 12 pairs gRPC with a runtime of messages from before the generator of its protoc-gen-go, which fails
// on oneofs. Elsewhere gRPC has this codec itself.
type codec struct{}

func init() { encoding.RegisterCodec(codec{}) }

func (codec) Name() string                          { return "proto" }
func (codec) Marshal(m interface{}) ([]byte, error) { return proto.Marshal(m.(proto.Message)) }
func (codec) Unmarshal(data []byte, m interface{}) error {
	return proto.Unmarshal(data, m.(proto.Message))
}
