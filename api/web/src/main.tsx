/** Starts the page: key out of the address, zones and settings from the API, then the live connection and the map. */
import "@fontsource-variable/inter/wght.css";
import "maplibre-gl/dist/maplibre-gl.css";
import "./styles.css";
import { StrictMode } from "react";
import { createRoot, type Root } from "react-dom/client";
import { App } from "./App";
import type { MapSettings, ZoneCollection } from "./map/zones";
import { LiveConnection } from "./net/live";
import { DeniedError, fetchJson, takeKeyFromAddress } from "./net/session";
import { KeyForm } from "./panels/KeyForm";
import { LiveStore } from "./state/store";

const RETRY_MS = 2000;

async function start(root: Root): Promise<void> {
  try {
    const [zones, settings] = await Promise.all([
      fetchJson<ZoneCollection>("/api/v1/zones"),
      fetchJson<MapSettings>("/api/v1/map"),
      // Names on the map are drawn into a picture once: the font must be there before.
      document.fonts.load("600 16px 'Inter Variable'"),
    ]);
    const store = new LiveStore();
    const connection = new LiveConnection(store);
    connection.open();
    root.render(
      <StrictMode>
        <App store={store} connection={connection} zones={zones} settings={settings} />
      </StrictMode>,
    );
  } catch (error) {
    if (error instanceof DeniedError) {
      root.render(<KeyForm />);
      return;
    }
    root.render(
      <p className="card keyform" role="alert">
        The API does not answer yet ({String(error)}). Trying again…
      </p>,
    );
    setTimeout(() => void start(root), RETRY_MS);
  }
}

takeKeyFromAddress();
const element = document.getElementById("root");
if (element === null) throw new Error("index.html has no #root");
void start(createRoot(element));
