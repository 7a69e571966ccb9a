/** What tests and the curious may ask the page, as `window.farol`. */
interface FarolHook {
  state(): {
    connection: string;
    sequence: number;
    updateCount: number;
    notice: string | null;
    positions: number;
    zones: number;
    anomalies: number;
    anomaliesOnMap: string[];
    viewport: import("./contracts").Viewport | null;
    frames: number;
  };
  drawnAt(entityId: string): { lon: number; lat: number; x: number; y: number } | null;
  onPage(lon: number, lat: number): { x: number; y: number };
  known(entityId: string): import("./contracts").Position | null;
  zone(zoneId: number): import("./contracts").ZoneMetrics | null;
}

interface Window {
  farol?: FarolHook;
}
