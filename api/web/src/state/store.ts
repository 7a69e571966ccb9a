/** Holds the state and tells those who watch; the map reads it every frame, the panels a few times a second. */
import { useSyncExternalStore } from "react";
import { type Action, INITIAL, type LiveState, reduce } from "./live";

const PANEL_INTERVAL_MS = 250;

type Listener = () => void;

export class LiveStore {
  private state: LiveState = INITIAL;
  private shown: LiveState = INITIAL;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private readonly listeners = new Set<Listener>();
  private readonly panelListeners = new Set<Listener>();

  get current(): LiveState {
    return this.state;
  }

  dispatch = (action: Action): void => {
    const next = reduce(this.state, action);
    if (next === this.state) return;
    this.state = next;
    for (const listener of this.listeners) listener();
    // What a person did shows at once; what the city did is shown four times a second.
    if (action.type !== "message") this.showNow();
    else this.timer ??= setTimeout(this.showNow, PANEL_INTERVAL_MS);
  };

  subscribe = (listener: Listener): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  subscribePanel = (listener: Listener): (() => void) => {
    this.panelListeners.add(listener);
    return () => this.panelListeners.delete(listener);
  };

  get panelState(): LiveState {
    return this.shown;
  }

  private showNow = (): void => {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
    this.shown = this.state;
    for (const listener of this.panelListeners) listener();
  };
}

export function usePanelState(store: LiveStore): LiveState {
  return useSyncExternalStore(store.subscribePanel, () => store.panelState);
}
