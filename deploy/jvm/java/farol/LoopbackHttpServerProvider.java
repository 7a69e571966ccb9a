package farol;

import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsServer;
import com.sun.net.httpserver.spi.HttpServerProvider;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import sun.net.httpserver.DefaultHttpServerProvider;

/**
 * Makes the JDK's small HTTP server listen on loopback where its user asked for all interfaces.
 *
 * <p>Flink's Prometheus reporter has a port option and no host option. Chosen with
 * -Dcom.sun.net.httpserver.HttpServerProvider=farol.LoopbackHttpServerProvider.
 */
public final class LoopbackHttpServerProvider extends HttpServerProvider {
    private final HttpServerProvider original = new DefaultHttpServerProvider();

    @Override
    public HttpServer createHttpServer(InetSocketAddress address, int backlog) throws IOException {
        return original.createHttpServer(onLoopback(address), backlog);
    }

    @Override
    public HttpsServer createHttpsServer(InetSocketAddress address, int backlog)
            throws IOException {
        return original.createHttpsServer(onLoopback(address), backlog);
    }

    private static InetSocketAddress onLoopback(InetSocketAddress address) throws IOException {
        if (address == null || !address.getAddress().isAnyLocalAddress()) {
            return address;
        }
        InetAddress loopback = InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
        return new InetSocketAddress(loopback, address.getPort());
    }
}
