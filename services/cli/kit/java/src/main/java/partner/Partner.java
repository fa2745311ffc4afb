package partner;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.netty.GrpcSslContexts;
import io.grpc.netty.NettyChannelBuilder;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.SecureRandom;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import samsyn.v1.Access;
import samsyn.v1.AccessServiceGrpc;
import samsyn.v1.Common;
import samsyn.v1.EventOuterClass.Event;
import samsyn.v1.JointPicture;
import samsyn.v1.JointPictureServiceGrpc;

/**
 * A partner in Java 17: mutual TLS, deadlines, pages, a stream that goes on where it was.
 *
 * <pre>
 * Partner PROFILE whoami
 * Partner PROFILE picture AREA PERIOD
 * Partner PROFILE follow JOURNAL [EVENTS]
 * </pre>
 *
 * PROFILE is a folder with ca.pem, client.pem, client.key (PKCS#8) and profile.toml.
 */
public final class Partner implements AutoCloseable {
    private static final int DEADLINE_SECONDS = 10;
    /** A stream lasts 30 minutes at most; then the gateway says when to come back. */
    private static final int STREAM_SECONDS = 35 * 60;
    private static final int PAGE_ROWS = 500;
    private static final int ANSWER_BYTES_MAX = 80 * 1024 * 1024;
    private static final long PAUSE_MILLIS_FIRST = 1_000;
    private static final long PAUSE_MILLIS_MAX = 60_000;
    private static final Pattern SETTING = Pattern.compile("^(\\w+)\\s*=\\s*\"([^\"]*)\"");
    private static final Metadata.Key<byte[]> DETAILS =
            Metadata.Key.of("grpc-status-details-bin", Metadata.BINARY_BYTE_MARSHALLER);

    private final Map<String, String> profile = new HashMap<>();
    private final ManagedChannel channel;

    private Partner(Path folder) throws IOException {
        for (String line : Files.readAllLines(folder.resolve("profile.toml"))) {
            Matcher setting = SETTING.matcher(line);
            if (setting.find()) {
                profile.put(setting.group(1), setting.group(2));
            }
        }
        // TLS 1.3 is named: older versions of netty do not offer it by themselves.
        var tls = GrpcSslContexts.forClient()
                .protocols("TLSv1.3")
                .trustManager(folder.resolve("ca.pem").toFile())
                .keyManager(
                        folder.resolve("client.pem").toFile(),
                        folder.resolve("client.key").toFile())
                .build();
        URI endpoint = URI.create(profile.get("endpoint"));
        channel = NettyChannelBuilder.forAddress(endpoint.getHost(), endpoint.getPort())
                .sslContext(tls)
                .maxInboundMessageSize(ANSWER_BYTES_MAX)
                .build();
    }

    @Override
    public void close() {
        channel.shutdownNow();
    }

    private AccessServiceGrpc.AccessServiceBlockingStub access() {
        return AccessServiceGrpc.newBlockingStub(channel)
                .withDeadlineAfter(DEADLINE_SECONDS, TimeUnit.SECONDS);
    }

    private JointPictureServiceGrpc.JointPictureServiceBlockingStub joint(int seconds) {
        return JointPictureServiceGrpc.newBlockingStub(channel)
                .withDeadlineAfter(seconds, TimeUnit.SECONDS);
    }

    /** For what and on what ground: every read says it. */
    private Common.ReadContext reads() {
        return Common.ReadContext.newBuilder()
                .setPurpose(profile.get("purpose"))
                .setLegalBasis(profile.get("legal_basis"))
                .setWeighingRef(profile.getOrDefault("weighing_ref", ""))
                .setActorRole("reader")
                .build();
    }

    private void whoami() {
        var me = access().getAccess(Access.GetAccessRequest.getDefaultInstance());
        System.out.println("I am " + me.getService() + " with " + me.getGrantsCount() + " grants");
    }

    /** All findings of a joint picture, page by page. */
    private void picture(String area, String period) {
        int findings = 0;
        var asked = JointPicture.GetJointPictureRequest.newBuilder()
                .setContext(reads())
                .setArea(area)
                .setPeriod(Common.Period.newBuilder().setCode(period))
                .setPage(Common.Page.newBuilder().setSize(PAGE_ROWS));
        while (true) {
            var answer = joint(DEADLINE_SECONDS).getJointPicture(asked.build());
            findings += answer.getFindingsCount();
            if (answer.getNextPageToken().isEmpty()) {
                System.out.println(
                        "revision " + answer.getRevision() + " with " + findings + " findings");
                return;
            }
            asked.getPageBuilder().setToken(answer.getNextPageToken());
        }
    }

    /** Says that everything up to a cursor is stored: your record of receipt. */
    private void acknowledge(String cursor) {
        var context = Common.WriteContext.newBuilder()
                .setIdempotencyKey(idempotencyKey())
                .setActorRole("reader");
        joint(DEADLINE_SECONDS).acknowledgeEvents(JointPicture.AcknowledgeEventsRequest.newBuilder()
                .setContext(context)
                .setCursor(cursor)
                .build());
    }

    /** Follows the view for good, or until so many events have come. */
    private void follow(Journal journal, int wanted) throws IOException, InterruptedException {
        long grown = PAUSE_MILLIS_FIRST;
        while (wanted == 0 || journal.received < wanted) {
            String before = journal.cursor;
            long pause;
            try {
                pause = stream(journal, wanted);
            } catch (StatusRuntimeException error) {
                Refusal refusal = Refusal.of(error);
                if (refusal.pauseMillis < 0) {
                    throw error;
                }
                System.err.println(error.getStatus().getCode() + " " + refusal.reason);
                pause = Math.max(refusal.pauseMillis, grown);
                grown = Math.min(grown * 2, PAUSE_MILLIS_MAX);
            }
            if (!journal.cursor.equals(before)) {
                grown = PAUSE_MILLIS_FIRST;
            }
            Thread.sleep(pause);
        }
    }

    /** One stream, until it ends or enough has come. Gives how long to wait before the next. */
    private long stream(Journal journal, int wanted) throws IOException {
        var asked = JointPicture.WatchEventsRequest.newBuilder()
                .setContext(reads())
                .setScope(Common.Scope.getDefaultInstance())
                .setCursor(journal.cursor);
        Iterator<JointPicture.WatchEventsResponse> events =
                joint(STREAM_SECONDS).watchEvents(asked.build());
        boolean inSnapshot = false;
        while (events.hasNext()) {
            Event event = events.next().getEntry();
            switch (event.getWhatCase()) {
                case HEARTBEAT:
                    continue;
                case CLOSING:
                    if (event.getClosing().getReason().equals("ACCESS_ENDED")) {
                        throw new AccessEnded();
                    }
                    return event.getClosing().getRetryAfterSeconds() * 1_000L;
                case SNAPSHOT_BEGINS:
                    inSnapshot = true;
                    if (event.getSnapshotBegins().getReset()) {
                        journal.clear();
                    }
                    break;
                case SNAPSHOT_ENDS:
                    inSnapshot = false;
                    break;
                default:
                    // A kind that is newer than these stubs is skipped, but its cursor is kept.
                    break;
            }
            String text = event.getArea() + " " + event.getRevision() + " " + event.getWhatCase()
                    + " " + event.getFinding().getId();
            if (journal.store(event, text.strip())) {
                System.out.println(text.strip());
            }
            boolean enough = journal.received == wanted;
            if (enough || !inSnapshot) {
                acknowledge(journal.cursor);
            }
            if (enough) {
                return 0;
            }
        }
        return PAUSE_MILLIS_FIRST;
    }

    /** A UUIDv7: made once for each intended change, kept when the same call is sent again. */
    private static String idempotencyKey() {
        SecureRandom random = new SecureRandom();
        long high = System.currentTimeMillis() << 16 | 0x7000 | random.nextInt(0x1000);
        long low = random.nextLong() >>> 2 | 0x8000_0000_0000_0000L;
        return new UUID(high, low).toString();
    }

    /** What a refusal says. The pause is negative where a retry does not help. */
    private static final class Refusal {
        private String reason = "";
        private String page = "";
        private long pauseMillis = -1;

        static Refusal of(StatusRuntimeException error) {
            Refusal refusal = new Refusal();
            Metadata trailers = error.getTrailers();
            byte[] details = trailers == null ? null : trailers.get(DETAILS);
            try {
                if (details != null) {
                    refusal.read(com.google.rpc.Status.parseFrom(details));
                }
            } catch (InvalidProtocolBufferException unreadable) {
                refusal.reason = "";
            }
            // What breaks before the gateway has understood it has no reason of its own.
            boolean broken = Set.of(Status.Code.UNAVAILABLE, Status.Code.UNKNOWN,
                    Status.Code.CANCELLED).contains(error.getStatus().getCode());
            if (refusal.reason.isEmpty() && broken) {
                refusal.pauseMillis = PAUSE_MILLIS_FIRST;
            }
            return refusal;
        }

        private void read(com.google.rpc.Status status) throws InvalidProtocolBufferException {
            for (var detail : status.getDetailsList()) {
                if (detail.is(ErrorInfo.class)) {
                    ErrorInfo info = detail.unpack(ErrorInfo.class);
                    reason = info.getReason();
                    page = info.getMetadataOrDefault("doc", "");
                } else if (detail.is(RetryInfo.class)) {
                    var delay = detail.unpack(RetryInfo.class).getRetryDelay();
                    pauseMillis = delay.getSeconds() * 1_000 + delay.getNanos() / 1_000_000;
                }
            }
        }
    }

    /**
     * What was received: a line for each event, with the cursor after it, so that they are stored
     * together. A line that a crash cut short does not count.
     */
    private static final class Journal {
        private final Path path;
        private final Set<String> ids = new HashSet<>();
        private String cursor = "";
        private int received;

        Journal(Path path) throws IOException {
            this.path = path;
            String kept = Files.exists(path) ? Files.readString(path) : "";
            String whole = kept.substring(0, kept.lastIndexOf('\n') + 1);
            if (!whole.equals(kept)) {
                Files.writeString(path, whole);
            }
            for (String line : whole.lines().toList()) {
                String[] fields = line.split("\t");
                cursor = fields[0];
                ids.add(fields[1]);
            }
        }

        void clear() throws IOException {
            Files.writeString(path, "");
            ids.clear();
        }

        /** Stores an event once, and in any case its cursor. Says whether it was new. */
        boolean store(Event event, String text) throws IOException {
            boolean isNew = ids.add(event.getId());
            String line = event.getCursor() + "\t" + event.getId() + "\t"
                    + (isNew ? text : "again") + "\n";
            Files.write(path, line.getBytes(StandardCharsets.UTF_8), StandardOpenOption.CREATE,
                    StandardOpenOption.APPEND, StandardOpenOption.DSYNC);
            cursor = event.getCursor();
            received++;
            return isNew;
        }
    }

    /** The gateway closed the stream for good. */
    private static final class AccessEnded extends RuntimeException {
        AccessEnded() {
            super("access ended: ask your registrar");
        }
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length < 2) {
            System.err.println("Partner PROFILE whoami | picture AREA PERIOD | follow JOURNAL [EVENTS]");
            System.exit(2);
        }
        try (Partner partner = new Partner(Path.of(arguments[0]))) {
            switch (arguments[1]) {
                case "whoami":
                    partner.whoami();
                    break;
                case "picture":
                    partner.picture(arguments[2], arguments[3]);
                    break;
                case "follow":
                    int wanted = arguments.length > 3 ? Integer.parseInt(arguments[3]) : 0;
                    partner.follow(new Journal(Path.of(arguments[2])), wanted);
                    break;
                default:
                    System.err.println("no command " + arguments[1]);
                    System.exit(2);
            }
        } catch (AccessEnded ended) {
            System.err.println(ended.getMessage());
            System.exit(1);
        } catch (StatusRuntimeException error) {
            Refusal refusal = Refusal.of(error);
            System.err.println(error.getStatus().getCode() + " " + refusal.reason + ": "
                    + error.getStatus().getDescription() + " " + refusal.page);
            System.exit(1);
        }
    }
}
