// Reads images with one call, and prints the words of each on a line: read ENDPOINT IMAGE...
#include <grpcpp/grpcpp.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

#include "yandex/cloud/ai/vision/v1/vision_service.grpc.pb.h"

using namespace yandex::cloud::ai::vision::v1;

int main(int count, char **arguments) {
  BatchAnalyzeRequest request;
  for (int i = 2; i < count; ++i) {
    std::ifstream file(arguments[i], std::ios::binary);
    AnalyzeSpec *spec = request.add_analyze_specs();
    spec->set_content(std::string(std::istreambuf_iterator<char>(file), {}));
    Feature *feature = spec->add_features();
    feature->set_type(Feature::TEXT_DETECTION);
    feature->mutable_text_detection_config()->add_language_codes("en");
    feature->mutable_text_detection_config()->add_language_codes("ru");
  }

  // With a key, TLS to the service; without one, a local service.
  const char *key = std::getenv("YC_API_KEY");
  grpc::ClientContext context;
  if (key) context.AddMetadata("authorization", std::string("Api-Key ") + key);
  grpc::ChannelArguments options;
  options.SetMaxReceiveMessageSize(64 << 20);
  auto security = key ? grpc::SslCredentials({}) : grpc::InsecureChannelCredentials();
  auto stub = VisionService::NewStub(grpc::CreateCustomChannel(arguments[1], security, options));
  BatchAnalyzeResponse answer;
  grpc::Status status = stub->BatchAnalyze(&context, request, &answer);
  if (!status.ok()) {
    std::cerr << status.error_code() << ": " << status.error_message() << "\n";
    return 1;
  }
  for (const AnalyzeResult &result : answer.results()) {
    // An image that fails alone has an error here, or in the result of its feature.
    if (result.has_error()) {
      std::cout << "error: " << result.error().message() << "\n";
      continue;
    }
    for (const Page &page : result.results(0).text_detection().pages())
      for (const Block &block : page.blocks())
        for (const Line &line : block.lines())
          for (const Word &word : line.words()) std::cout << word.text() << " ";
    std::cout << "\n";
  }
}
