//! Pages in the macros of man(7).

/// A page in the making.
#[derive(Debug, Default)]
pub(super) struct Page {
    text: String,
    /// Whether a heading stands right before, which begins a paragraph of its own.
    headed: bool,
}

impl Page {
    /// With its title, section, and what stands at its head and foot.
    pub(super) fn new(title: &str, section: u8, date: &str, version: &str) -> Self {
        let mut page = Self::default();
        page.text.push_str(".\\\" Written by `oxitables man' out of the option tables.\n");
        let title = escape(&title.to_uppercase());
        page.text += &format!(".TH \"{title}\" {section} \"{date}\" \"{}\" \"oxitables\"\n", escape(version));
        page
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        self.text
    }

    fn begin_paragraph(&mut self) {
        if !std::mem::take(&mut self.headed) {
            self.text.push_str(".PP\n");
        }
    }

    fn line(&mut self, text: &str) {
        self.headed = false;
        if text.starts_with(['.', '\'']) {
            self.text.push_str("\\&");
        }
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// A heading.
    pub(super) fn section(&mut self, name: &str) {
        self.text += &format!(".SH {}\n", quoted(name));
        self.headed = true;
    }

    /// A smaller heading.
    pub(super) fn subsection(&mut self, name: &str) {
        self.text += &format!(".SS {}\n", quoted(name));
        self.headed = true;
    }

    /// A paragraph.
    pub(super) fn paragraph(&mut self, text: &str) {
        self.begin_paragraph();
        self.running(text);
    }

    /// Text that goes on in the present paragraph.
    pub(super) fn running(&mut self, text: &str) {
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.line(&escape(line));
        }
    }

    /// A term, whose first word is bold and whose rest is slanted, and its text.
    pub(super) fn term(&mut self, bold: &str, slanted: &str, text: &str) {
        self.text.push_str(".TP\n");
        let parts = [("\\fB", bold), ("\\fI", slanted)];
        let parts = parts.into_iter().filter(|(_, text)| !text.is_empty());
        let parts: Vec<_> = parts.map(|(font, text)| format!("{font}{}\\fR", escape(text))).collect();
        self.line(&parts.join(" "));
        self.running(text);
    }

    /// Lines as they stand.
    pub(super) fn verbatim(&mut self, lines: &str) {
        self.begin_paragraph();
        self.text.push_str(".RS 4\n.nf\n");
        for line in lines.lines() {
            // Why: what is copied into a shell keeps its quotes.
            self.line(&escape(line).replace("\\(cq", "\\(aq").replace("\\(oq", "\\(ga"));
        }
        self.text.push_str(".fi\n.RE\n");
    }

    /// A command line of the synopsis.
    pub(super) fn synopsis(&mut self, program: &str, rest: &str) {
        self.begin_paragraph();
        self.line(&format!("\\fB{}\\fR {}", escape(program), escape(rest)));
    }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", escape(name).replace('"', "\\(dq"))
}

/// Text that roff prints as it stands.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\e"),
            '-' => out.push_str("\\-"),
            '`' => out.push_str("\\(oq"),
            '\'' => out.push_str("\\(cq"),
            '"' => out.push_str("\\(dq"),
            '^' => out.push_str("\\(ha"),
            '~' => out.push_str("\\(ti"),
            letter => out.push(letter),
        }
    }
    out
}
