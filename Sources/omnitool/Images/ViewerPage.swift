/// The page that scrolls through a volume.
enum ViewerPage {
    /// - Parameters:
    ///   - planes: Their names, how many slices each has, and which is shown first.
    ///   - window: Nil for colour, which has none.
    static func html(
        title: String, planes: [(name: String, slices: Int, first: Int)], window: (center: Double, width: Double)?
    ) -> String {
        let list = planes.map { "{name:\"\($0.name)\",slices:\($0.slices),at:\($0.first)}" }.joined(separator: ",")
        let state = window.map { "{c:\($0.center),w:\($0.width)}" } ?? "null"
        return """
            <!doctype html>
            <meta charset="utf-8">
            <title>omnitool visualize</title>
            <style>
            body { background: #111; color: #ddd; font: 14px sans-serif; margin: 12px; }
            main { display: flex; flex-wrap: wrap; gap: 12px; }
            figure { margin: 0; } figcaption { padding: 4px 0; }
            img { max-width: 90vw; max-height: 75vh; min-width: 256px; image-rendering: auto; background: #000; }
            input[type=range] { width: 100%; } input[type=number] { width: 6em; }
            </style>
            <p>\(escaped(title))</p>
            <p id="window">centre <input id="c" type="number" step="any"> width <input id="w" type="number" step="any" min="1">
            (drag on a picture: sideways the width, up and down the centre)</p>
            <main></main>
            <p>Scroll or use the slider to go through the slices. The page works until omnitool ends.</p>
            <script>
            const planes = [\(list)], state = \(state), main = document.querySelector("main");
            const c = document.querySelector("#c"), w = document.querySelector("#w");
            if (state) { c.value = state.c; w.value = state.w; } else document.querySelector("#window").remove();
            const shown = planes.map(plane => {
              const figure = document.createElement("figure"), image = document.createElement("img"),
                caption = document.createElement("figcaption"), slider = document.createElement("input");
              slider.type = "range"; slider.min = 1; slider.max = plane.slices; slider.value = plane.at + 1;
              figure.append(caption, image, slider); main.append(figure);
              let busy = false, again = false;
              const draw = () => {
                caption.textContent = plane.name + " " + slider.value + " of " + plane.slices;
                if (busy) { again = true; return; }
                busy = true;
                const window = state ? "&c=" + state.c + "&w=" + state.w : "";
                image.src = "image?plane=" + plane.name + "&slice=" + (slider.value - 1) + window;
              };
              image.onload = image.onerror = () => { busy = false; if (again) { again = false; draw(); } };
              slider.oninput = draw;
              figure.addEventListener("wheel", event => {
                slider.value = Number(slider.value) + Math.sign(event.deltaY); event.preventDefault(); draw();
              }, { passive: false });
              image.draggable = false;
              image.onpointermove = event => {
                if (!state || event.buttons !== 1) return;
                const step = Math.max(state.w, 1) / 300;
                state.w = Math.max(1, state.w + event.movementX * step); state.c += event.movementY * step;
                c.value = state.c.toFixed(2); w.value = state.w.toFixed(2);
                shown.forEach(draw => draw());
              };
              draw();
              return draw;
            });
            c.onchange = w.onchange = () => {
              state.c = Number(c.value); state.w = Math.max(1, Number(w.value)); shown.forEach(draw => draw());
            };
            </script>
            """
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;")
    }
}
