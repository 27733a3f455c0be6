import com.google.protobuf.ByteString;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import yandex.cloud.api.ai.vision.v1.VisionServiceGrpc;
import yandex.cloud.api.ai.vision.v1.VisionServiceOuterClass.AnalyzeSpec;
import yandex.cloud.api.ai.vision.v1.VisionServiceOuterClass.BatchAnalyzeRequest;
import yandex.cloud.api.ai.vision.v1.VisionServiceOuterClass.Feature;
import yandex.cloud.api.ai.vision.v1.VisionServiceOuterClass.FeatureTextDetectionConfig;

/** Reads images with one call, and prints the words of each on a line: java Read ENDPOINT IMAGE... */
public class Read {
    public static void main(String[] arguments) throws Exception {
        var config = FeatureTextDetectionConfig.newBuilder().addLanguageCodes("en").addLanguageCodes("ru");
        var feature = Feature.newBuilder().setType(Feature.Type.TEXT_DETECTION).setTextDetectionConfig(config);
        var request = BatchAnalyzeRequest.newBuilder();
        for (String image : List.of(arguments).subList(1, arguments.length)) {
            var content = ByteString.copyFrom(Files.readAllBytes(Path.of(image)));
            request.addAnalyzeSpecs(AnalyzeSpec.newBuilder().setContent(content).addFeatures(feature));
        }

        // With a key, TLS to the service; without one, a local service.
        String key = System.getenv("YC_API_KEY");
        var builder = ManagedChannelBuilder.forTarget(arguments[0]).maxInboundMessageSize(64 << 20);
        var channel = (key == null ? builder.usePlaintext() : builder).build();
        var metadata = new Metadata();
        if (key != null) {
            metadata.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Api-Key " + key);
        }
        var stub = VisionServiceGrpc.newBlockingStub(channel)
            .withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata));
        for (var result : stub.batchAnalyze(request.build()).getResultsList()) {
            // An image that fails alone has an error here, or in the result of its feature.
            if (result.hasError()) {
                System.out.println("error: " + result.getError().getMessage());
                continue;
            }
            System.out.println(result.getResults(0).getTextDetection().getPagesList().stream()
                .flatMap(page -> page.getBlocksList().stream())
                .flatMap(block -> block.getLinesList().stream())
                .flatMap(line -> line.getWordsList().stream())
                .map(word -> word.getText())
                .collect(Collectors.joining(" ")));
        }
        channel.shutdown();
    }
}
