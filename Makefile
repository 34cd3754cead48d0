# Everything a contributor needs; each target installs what is missing first and says what it does.

.PHONY: demo test bench mutate format lint docs clean

SOURCES = Sources Tests Examples Benchmarks Fuzz/Sources Fuzz/Package.swift Package.swift

demo: ## the whole cycle on phantom images, judged by pydicom
	dev/demo

test: ## lint, generated code, unit tests and the tests with real peers
	dev/test

bench: ## receiving, the whole cycle, data sets and imaging, beside DCMTK, pynetdicom, pydicom, SciPy, SimpleITK and GDCM
	Benchmarks/network.sh
	Benchmarks/node.sh
	Benchmarks/datasets.sh
	Benchmarks/imaging.sh

mutate: ## 200,000 mutations of 50 files and 100,000 of PDU streams, read, decoded, described and written again
	dev/mutate

format:
	swift format -i -r -p $(SOURCES)

lint:
	swift format lint --strict -r -p $(SOURCES)

docs: ## the reference documentation, into .build/docs
	dev/docs

clean:
	rm -rf .build .build-bench Fuzz/.build .venv
