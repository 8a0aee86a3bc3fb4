import { type Frame, MOST_WINDOW_BYTES, Setting, settingsIn } from "./frames.js";
import { MOST_TABLE_BYTES } from "./hpack/header-decoder.js";
import { ofTooLargeWindow, ofWrongSize, wrong } from "./violations.js";

/** What a client's SETTINGS say that is of interest here: of each, the last that the frame says, which may be thousands. */
export interface PeerSettings {
  readonly initialWindowBytes?: number;
  /** Whether its table of headers has been smaller than the usual one. */
  readonly hasSmallTable: boolean;
}

/** @throws ConnectionError if it can't be (RFC 9113, 6.5.2) */
export function peerSettingsIn(frame: Frame): PeerSettings {
  if (frame.payload.length % 6 !== 0) throw ofWrongSize();
  let initialWindowBytes: number | undefined;
  let hasSmallTable = false;
  for (const [setting, value] of settingsIn(frame)) {
    if (setting === Setting.initialWindowSize) initialWindowBytes = value;
    else if (setting === Setting.enablePush && value > 1) throw ofWrongSetting(setting);
    else if (setting === Setting.maxFrameSize && (value < 2 ** 14 || value >= 2 ** 24)) throw ofWrongSetting(setting);
    else if (setting === Setting.headerTableSize && value < MOST_TABLE_BYTES) hasSmallTable = true;
    if (initialWindowBytes !== undefined && initialWindowBytes > MOST_WINDOW_BYTES) throw ofTooLargeWindow();
  }
  return { hasSmallTable, ...(initialWindowBytes !== undefined && { initialWindowBytes }) };
}

function ofWrongSetting(setting: number): Error {
  return wrong(`setting ${setting} is out of range`);
}
