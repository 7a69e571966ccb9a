import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// `npm run dev` passes everything that is not the page on to a running API.
const api = process.env["FAROL_API_ADDRESS"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react()],
  build: {
    target: "es2022",
    // MapLibre alone is larger than the default threshold; the page as a whole stays below 1.5 MB compressed.
    chunkSizeWarningLimit: 1300,
    rollupOptions: {
      output: {
        manualChunks: (id) => {
          if (id.includes("maplibre-gl")) return "maplibre";
          if (/@deck\.gl|@luma\.gl|@math\.gl|@loaders\.gl/.test(id)) return "deck";
          if (/node_modules\/(react|react-dom|scheduler)\//.test(id)) return "react";
          return undefined;
        },
      },
    },
  },
  server: { proxy: { "/api": api, "/ws": { target: api.replace("http", "ws"), ws: true } } },
});
