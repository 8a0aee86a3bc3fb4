import { chmodSync } from "node:fs";

// npm marks the programs of packages that it installs, but not those of the one that it is run in: `npx tollgate` there needs this.
chmodSync(new URL("../dist/main.js", import.meta.url), 0o755);
