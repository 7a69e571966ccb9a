/** The WebSocket: connects, subscribes, comes back after a loss, and hands every message to the store. */
import type { ServerMessage, Subscribe, Viewport } from "../contracts";
import type { LiveStore } from "../state/store";
import { DeniedError, fetchJson, renewSession, storedKey } from "./session";

const FIRST_PAUSE_MS = 300;
const LONGEST_PAUSE_MS = 10_000;
/** The server sends something at least every 5 s. */
const LOOK_MS = 5000;
const QUIET_LOOKS = 4;

export class LiveConnection {
  private socket: WebSocket | null = null;
  private pauseMs = FIRST_PAUSE_MS;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private looking: ReturnType<typeof setInterval> | undefined;
  private quietLooks = 0;
  private isClosed = false;

  constructor(private readonly store: LiveStore) {}

  open(): void {
    const key = storedKey();
    const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws`;
    const socket = new WebSocket(address, key === null ? ["farol.v1"] : ["farol.v1", `apikey.${key}`]);
    this.socket = socket;
    socket.onopen = () => {
      this.subscribe();
      this.watch();
    };
    socket.onmessage = (event: MessageEvent<string>) => {
      this.pauseMs = FIRST_PAUSE_MS;
      this.quietLooks = 0;
      this.store.dispatch({ type: "message", message: JSON.parse(event.data) as ServerMessage });
      if (this.store.current.hasGap) socket.close();
    };
    socket.onclose = () => void this.onLoss();
  }

  /** Ask for the positions of this part of the map from now on; null is the whole city. */
  look(viewport: Viewport | null): void {
    this.store.dispatch({ type: "look", viewport });
    this.subscribe();
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.retry);
    clearInterval(this.looking);
    this.socket?.close();
  }

  private subscribe(): void {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    const wish: Subscribe = {
      type: "subscribe",
      channels: ["positions", "surge", "anomalies"],
      viewport: this.store.current.viewport,
      // The list is of the whole city: a click that flies to one must not take away the others.
      anomalies_everywhere: true,
    };
    this.socket.send(JSON.stringify(wish));
  }

  /**
   * Give up a connection that says nothing. Counted in looks, not by one timer: on a busy machine a timer comes due
   * before the messages that have long arrived, but several looks in a row let them through in between.
   */
  private watch(): void {
    clearInterval(this.looking);
    this.quietLooks = 0;
    this.looking = setInterval(() => {
      this.quietLooks += 1;
      if (this.quietLooks >= QUIET_LOOKS) this.socket?.close();
    }, LOOK_MS);
  }

  private async onLoss(): Promise<void> {
    clearInterval(this.looking);
    if (this.isClosed) return;
    this.store.dispatch({ type: "connection", connection: "lost" });
    // A browser does not say why a handshake failed; the same credentials tell by REST.
    if (await this.isDenied()) {
      this.store.dispatch({ type: "connection", connection: "denied" });
      return;
    }
    this.retry = setTimeout(() => this.open(), this.pauseMs * (0.8 + 0.4 * Math.random()));
    this.pauseMs = Math.min(this.pauseMs * 2, LONGEST_PAUSE_MS);
  }

  private async isDenied(): Promise<boolean> {
    try {
      await renewSession();
      await fetchJson("/api/v1/map");
      return false;
    } catch (error) {
      return error instanceof DeniedError;
    }
  }
}
