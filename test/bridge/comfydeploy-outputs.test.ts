import { describe, expect, it } from "vitest";
import { readOutputs } from "../../src/bridge/comfydeploy-outputs.js";
import { OutputType } from "../../src/gen/stationthis/generation/v1/generation_pb.js";

const { IMAGE, VIDEO, AUDIO, MODEL, TEXT, FILE } = OutputType;

const url = (name: string) => `https://cdn.example/${name}`;
const fileOf = (name: string, type = "") => ({ url: url(name), filename: name, type });
const readData = (data: unknown, rest = {}) => readOutputs([{ data, ...rest }]);

describe("the outputs of a webhook", () => {
  describe("are typed", () => {
    it.each([
      ["images", fileOf("a.png", "image/png"), IMAGE],
      ["images", fileOf("a.bin.png", "output"), IMAGE],
      ["images", fileOf("a", "output"), IMAGE],
      ["images", fileOf("a.gif", "image/gif"), VIDEO],
      ["images", fileOf("a.mp4", "output"), VIDEO],
      ["gifs", fileOf("a.mp4", "video/mp4"), VIDEO],
      ["gifs", fileOf("a", "output"), VIDEO],
      ["gifs", fileOf("a.webp", "image/webp"), IMAGE],
      ["mesh", fileOf("a.glb", ""), MODEL],
      ["mesh", fileOf("a", "output"), MODEL],
      ["files", fileOf("a.safetensors"), MODEL],
      ["files", fileOf("a.wav", "audio/wav"), AUDIO],
      ["files", fileOf("a.MP3"), AUDIO],
      ["files", fileOf("a.zip", "application/zip"), FILE],
      ["files", fileOf("a"), FILE],
      ["something_new", fileOf("a.xyz"), FILE],
    ])("in %s, %o", (list, file, type) => {
      expect(readData({ [list]: [file] })).toMatchObject([{ url: file.url, filename: file.filename, type }]);
    });

    it("by the path of the URL where no filename is given, without its query", () => {
      expect(readData({ files: [{ url: `${url("a.mp4")}?name=b.png#c.wav` }] })).toMatchObject([{ type: VIDEO }]);
    });
  });

  it("are read from every list, in order", () => {
    const data = { images: [fileOf("1.png"), fileOf("2.png")], files: [fileOf("3.zip")], gifs: [fileOf("4.mp4")] };
    const names = readData(data).map((output) => output.filename);
    expect(names).toEqual(["1.png", "2.png", "3.zip", "4.mp4"]);
  });

  it("may be keyed by node id, whose lists may be named or not", () => {
    const data = { "9": [fileOf("a.png")], "12": { gifs: [fileOf("b", "output")] } };
    expect(readData(data)).toMatchObject([
      { nodeId: "9", type: IMAGE, filename: "a.png" },
      { nodeId: "12", type: VIDEO, filename: "b" },
    ]);
  });

  it("carry the node_id that stands beside the data", () => {
    expect(readData({ images: [fileOf("a.png")] }, { node_id: "44" })).toMatchObject([{ nodeId: "44" }]);
  });

  describe("given as plain strings", () => {
    it("are text, with whatever was written", () => {
      expect(readData({ text: "a cat\non a mat" })).toMatchObject([{ type: TEXT, text: "a cat\non a mat" }]);
      expect(readData({ text: ["one", "two"] }).map((output) => output.text)).toEqual(["one", "two"]);
    });

    it("are files if they are URLs", () => {
      expect(readData({ images: url("a.png") })).toMatchObject([{ url: url("a.png"), type: IMAGE }]);
      expect(readData({ files: [url("a")] })).toMatchObject([{ url: url("a"), type: FILE }]);
    });

    it("are left out if they are empty", () => {
      expect(readData({ text: "", files: [""] })).toEqual([]);
    });
  });

  describe("are left out", () => {
    it.each([
      ["a boolean", true],
      ["a number", 5],
      ["null", null],
      ["an empty list", []],
      ["a file without a URL", [{ filename: "a.png", type: "output", subfolder: "" }]],
      ["a file with an empty URL", [{ url: "", filename: "a.png" }]],
      ["a file whose URL is no text", [{ url: 5, filename: "a.png" }]],
      ["a list of nothing", [null, false, 1]],
    ])("where the list is %s", (_, value) => {
      expect(readData({ images: value })).toEqual([]);
    });

    it.each([[null], [5], ["text"], [[]], [{}], [{ data: null }], [{ data: 5 }]])(
      "where the output is %o",
      (output) => {
        expect(readOutputs([output])).toEqual([]);
      },
    );

    it("where they are nested deeper than the provider nests them", () => {
      const list = [fileOf("a.png")];
      expect(readData({ "9": { images: list } })).toHaveLength(1);
      expect(readData({ "9": { "8": { "7": { images: list } } } })).toEqual([]);
    });
  });

  describe("are bounded", () => {
    it("to 1,000", () => {
      const many = Array.from({ length: 1_500 }, (_, index) => fileOf(`${index}.png`));
      expect(readData({ images: many })).toHaveLength(1_000);
      expect(readOutputs(many.map((file) => ({ data: { images: [file] } })))).toHaveLength(1_000);
    });

    it("to what the API takes of each text", () => {
      const long = "x".repeat(100_000);
      const file = { url: `https://${long}`, filename: long };
      const [read] = readData({ images: [file] }, { node_id: long });
      expect([read?.url?.length, read?.filename?.length, read?.nodeId?.length]).toEqual([2_048, 500, 128]);
      expect(readData({ text: long })[0]?.text).toHaveLength(65_536);
    });

    it("without cutting a character in half", () => {
      const [read] = readData({ text: `${"x".repeat(65_535)}😀` });
      expect(read?.text?.isWellFormed()).toBe(true);
      expect(read?.text).toHaveLength(65_536);
    });

    it("however deep or wide the data is", () => {
      const deep = JSON.parse(`${'{"9":'.repeat(50_000)}1${"}".repeat(50_000)}`);
      expect(readData(deep)).toEqual([]);
      const wide = Object.fromEntries(Array.from({ length: 50_000 }, (_, index) => [`k${index}`, true]));
      expect(readData(wide)).toEqual([]);
    });
  });

  it("are made storable: no NUL and no lone surrogate reaches the service", () => {
    const [text, file] = [...readData({ text: "a\0b\ud800c" }), ...readData({ files: [fileOf("a\0\udc00.png")] })];
    expect(text?.text).toBe("ab\ufffdc");
    expect(file).toMatchObject({ url: url("a\ufffd.png"), filename: "a\ufffd.png", type: IMAGE });
  });
});
