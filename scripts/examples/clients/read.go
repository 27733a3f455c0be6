// Reads images with one call, and prints the words of each on a line: read ENDPOINT IMAGE...
package main

import (
	"context"
	"fmt"
	"github.com/yandex-cloud/go-genproto/yandex/cloud/ai/vision/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"log"
	"os"
)

func main() {
	config := &vision.FeatureTextDetectionConfig{LanguageCodes: []string{"en", "ru"}}
	feature := &vision.Feature{Type: vision.Feature_TEXT_DETECTION, Config: &vision.Feature_TextDetectionConfig{config}}
	request := &vision.BatchAnalyzeRequest{}
	for _, image := range os.Args[2:] {
		content, err := os.ReadFile(image)
		check(err)
		spec := &vision.AnalyzeSpec{Source: &vision.AnalyzeSpec_Content{content}, Features: []*vision.Feature{feature}}
		request.AnalyzeSpecs = append(request.AnalyzeSpecs, spec)
	}
	// With a key, TLS to the service; without one, a local service.
	ctx, security := context.Background(), grpc.WithInsecure()
	if key := os.Getenv("YC_API_KEY"); key != "" {
		security = grpc.WithTransportCredentials(credentials.NewClientTLSFromCert(nil, ""))
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Api-Key "+key)
	}
	channel, err := grpc.Dial(os.Args[1], security)
	check(err)
	answer, err := vision.NewVisionServiceClient(channel).BatchAnalyze(ctx, request, grpc.MaxCallRecvMsgSize(64<<20))
	check(err)
	for _, result := range answer.Results {
		// An image that fails alone has an error here, or in the result of its feature.
		if result.Error != nil {
			fmt.Print("error: ", result.Error.Message)
		}
		for _, found := range result.Results {
			for _, page := range found.GetTextDetection().GetPages() {
				for _, block := range page.Blocks {
					for _, line := range block.Lines {
						for _, word := range line.Words {
							fmt.Print(word.Text, " ")
						}
					}
				}
			}
		}
		fmt.Println()
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
