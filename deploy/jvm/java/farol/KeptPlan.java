package farol;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.graph.StreamGraph;
import org.apache.flink.util.InstantiationUtil;

/**
 * The plan of a submitted job, kept in a file named by the job's identifier.
 *
 * <p>A job that starts from its kept plan needs neither Python nor the SQL planner.
 */
public final class KeptPlan {
    private KeptPlan() {}

    /** Returns a plan as bytes; called before its submission, which writes blob keys into it. */
    public static byte[] serialize(StreamGraph plan) throws IOException {
        plan.serializeUserDefinedInstances();
        return InstantiationUtil.serializeObject(plan);
    }

    /**
     * Submits the plan of the file that the only argument names, as `/jars/:id/run` has configured
     * (identifier, state to start from), and keeps it for the new job too.
     */
    public static void main(String[] arguments) throws Exception {
        Path file = Path.of(arguments[0]);
        ClassLoader classes = Thread.currentThread().getContextClassLoader();
        StreamGraph plan = InstantiationUtil.deserializeObject(Files.readAllBytes(file), classes);
        plan.deserializeUserDefinedInstances(classes, Runnable::run);
        JobClient job = StreamExecutionEnvironment.getExecutionEnvironment().executeAsync(plan);
        Path renamed = file.resolveSibling(job.getJobID().toHexString());
        Files.copy(file, renamed, StandardCopyOption.REPLACE_EXISTING);
    }
}
