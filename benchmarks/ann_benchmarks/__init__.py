"""Our index behind the interface of ann-benchmarks, so that others can run us in theirs.

python -m hatchling build -t wheel -d benchmarks/ann_benchmarks
cp -r benchmarks/ann_benchmarks THEIR_CHECKOUT/ann_benchmarks/algorithms/vitrail
cd THEIR_CHECKOUT && python install.py --algorithm vitrail
python run.py --algorithm vitrail --dataset glove-100-angular
"""
