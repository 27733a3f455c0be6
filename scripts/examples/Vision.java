import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/** A Vision service that lives as long as this program, even if it is killed: {@code try (var vision = Vision.start()) {...}}. */
public record Vision(Process process, String grpcEndpoint, String restEndpoint) implements AutoCloseable {
    public static Vision start(String... options) throws IOException {
        var command = new ArrayList<>(List.of("vision-grpc", "serve", "--until-stdin-closes"));
        command.addAll(List.of(options));
        Process process = new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        String line = process.inputReader().readLine();
        if (line == null) throw new IOException("vision-grpc did not start: stderr says why");
        var ready = Pattern.compile("\"(\\w+)\": \"([^\"]*)\"").matcher(line).results().toList();
        return new Vision(process, ready.get(0).group(2), ready.get(1).group(2));
    }

    @Override
    public void close() throws IOException {
        process.getOutputStream().close();  // The standard input of the service, which ends it.
    }
}
