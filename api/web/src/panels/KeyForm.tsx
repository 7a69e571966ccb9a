import { type FormEvent, useState } from "react";
import { isKey, storeKey } from "../net/session";

export function KeyForm() {
  const [text, setText] = useState("");
  const [isWrong, setIsWrong] = useState(false);
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    const key = text.trim();
    if (!isKey(key)) {
      setIsWrong(true);
      return;
    }
    storeKey(key);
    location.reload();
  };
  return (
    <form className="card keyform" onSubmit={onSubmit}>
      <h1>
        <span className="lamp" aria-hidden="true" /> Farol
      </h1>
      <label htmlFor="key">API key</label>
      <input
        id="key"
        type="password"
        autoComplete="off"
        autoFocus
        value={text}
        aria-invalid={isWrong}
        aria-describedby="key-help"
        onChange={(event) => setText(event.target.value)}
      />
      <p id="key-help" className="quiet">
        {isWrong
          ? "That is no key: at least 16 letters, digits or . _ ~ -"
          : "The key is in $FAROL_API_KEY, or in the file secrets/api_key of the state folder. It stays in this tab."}
      </p>
      <button type="submit">Open the map</button>
    </form>
  );
}
