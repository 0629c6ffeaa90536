/** The JVM handles SIGSEGV: for null pointers in compiled code, for safepoints and for stack overflows. */
public class Peer {
    static class Node {
        int value;
    }

    static int sum;

    static native void callback();

    static int read(Node node) {
        return node.value;
    }

    static int deep(int depth) {
        return deep(depth + 1) + 1;
    }

    static int work() throws Exception {
        Thread spins = new Thread(() -> {
            for (long n = 0; n < 2_000_000_000L && !Thread.currentThread().isInterrupted(); n++) sum += n;
        });
        spins.setDaemon(true);
        spins.start();
        int caught = 0;
        Node node = new Node();
        for (int n = 0; n < 20_000; n++) {
            try {
                sum += read(n % 4 == 3 ? null : node);
            } catch (NullPointerException expected) {
                caught++;
            }
        }
        for (int n = 0; n < 3; n++) {
            try {
                sum += deep(0);
            } catch (StackOverflowError expected) {
                caught++;
            }
            System.gc();
        }
        spins.interrupt();
        spins.join();
        return caught;
    }

    static int call() {
        callback();
        return 0;
    }

    /** A fault in the JVM's own code, which the JVM reports before it aborts. */
    static int end() throws Exception {
        java.lang.reflect.Field field = Class.forName("sun.misc.Unsafe").getDeclaredField("theUnsafe");
        field.setAccessible(true);
        ((sun.misc.Unsafe) field.get(null)).putInt(16L, 1);
        return 0;
    }
}
