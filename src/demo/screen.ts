import { styleText } from "node:util";

type Style = Exclude<Parameters<typeof styleText>[0], readonly unknown[]>;

/** Where the demo is shown: lines of text, in colours if the terminal has some and its owner wants them. */
export class Screen {
  constructor(
    private readonly write: (text: string) => void,
    private readonly hasColours: boolean,
  ) {}

  /** The whole of a text, which ends with its own line break. */
  text(text: string): void {
    this.write(text);
  }

  line(text = ""): void {
    this.write(`${text}\n`);
  }

  heading(text: string): void {
    this.line();
    this.line(this.styled("bold", text));
  }

  /** A call and what it is about. */
  step(call: string, what: string): void {
    this.line(`  ${call.padEnd(17)}  ${what}`);
  }

  remark(text: string): void {
    this.line(`  ${this.styled("dim", text)}`);
  }

  /** The text in a style. Widths are to be made before: a styled text is longer than it looks. */
  styled(style: Style, text: string): string {
    return this.hasColours ? styleText(style, text, { validateStream: false }) : text;
  }
}
