/* A photo is drawn anew on the phone, smaller: what the camera wrote beside the picture (where, when, which phone)
   never leaves it. */
const SIDE = 1600;
const QUALITY = 0.8;

/** A JPEG of at most 1600 pixels a side, as an ArrayBuffer. Throws when it is no picture. */
export async function smaller(file) {
  const drawn = await createImageBitmap(file, { imageOrientation: "from-image" });
  const scale = Math.min(1, SIDE / Math.max(drawn.width, drawn.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(drawn.width * scale));
  canvas.height = Math.max(1, Math.round(drawn.height * scale));
  canvas.getContext("2d").drawImage(drawn, 0, 0, canvas.width, canvas.height);
  drawn.close();
  const blob = await new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", QUALITY); });
  if (!blob) throw new Error("this picture cannot be read");
  return blob.arrayBuffer();
}
