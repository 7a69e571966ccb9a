/**
 * How this page proves that it may read. On the machine that runs Farol the server has set a cookie and nothing is
 * needed; elsewhere the key comes once in the address (`#key=`) or from the form, and stays in this tab only.
 */
const STORAGE_NAME = "farol.key";
const KEY_PATTERN = /^[A-Za-z0-9_.~-]{16,}$/;

/** Move a key out of the address, so that it is neither shown nor bookmarked. */
export function takeKeyFromAddress(): void {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (key === null) return;
  history.replaceState(null, "", location.pathname + location.search);
  if (isKey(key)) storeKey(key);
}

export function isKey(text: string): boolean {
  return KEY_PATTERN.test(text);
}

export function storedKey(): string | null {
  return sessionStorage.getItem(STORAGE_NAME);
}

export function storeKey(key: string): void {
  sessionStorage.setItem(STORAGE_NAME, key);
}

export class DeniedError extends Error {}

/** Fetch JSON from the API; a refusal is told apart from a failure, because only the first needs a person. */
export async function fetchJson<T>(path: string): Promise<T> {
  const key = storedKey();
  const answer = await fetch(path, { headers: key === null ? {} : { "X-API-Key": key } });
  if (answer.status === 401) throw new DeniedError("the key is missing or wrong");
  if (!answer.ok) throw new Error(`${path}: HTTP ${answer.status}`);
  return (await answer.json()) as T;
}

/** Ask for a new cookie; it is a no-op where the server gives none. */
export async function renewSession(): Promise<void> {
  await fetch("/", { cache: "no-store" });
}
