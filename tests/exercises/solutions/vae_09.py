def beta_vae_loss(recon, kl, beta):
    return recon + beta * kl


def capacity_loss(recon, kl, gamma, capacity):
    return recon + gamma * np.abs(kl - capacity)


def mutual_information_gap(codes, factors, bins=20):
    known = np.sort(information(codes, factors, bins), axis=0)
    second = known[-2] if len(known) > 1 else np.zeros_like(known[-1])
    return float(np.mean(known[-1] - second))
